import Datasets
import Kernels
import Networks
import SearchSpace
import Synchronization

/// One thread's share in classifying images by networks whose statistics are known.
///
/// It takes all layers for a few images, then the next few. Threads take images as they are done with
/// others, so that a core that others use too holds nobody up; what is computed does not depend on who did.
final class ScoringWorker {
  /// What a network makes of the images of a ticket.
  struct Answer {
    let ticket: Int
    let network: Int
    let loss: BatchLoss
  }

  private(set) var answers: [Answer] = []

  /// Why the work was broken off, if it was.
  private(set) var failure: KernelError?

  private let layers: [PreparedLayer]
  private let walk: TreeWalk

  /// Creates a worker.
  ///
  /// - Parameters:
  ///   - tree: The networks.
  ///   - layers: The layer of each node.
  ///   - runner: What computes; nobody else's meanwhile.
  init(_ tree: PrefixTree, _ layers: [PreparedLayer], with runner: NetworkRunner) {
    self.layers = layers
    walk = TreeWalk(tree, with: runner)
  }

  /// Takes tickets until there are no more.
  func work(off tickets: Tickets, _ maker: BatchMaker) {
    do throws(KernelError) {
      while let (ticket, examples) = tickets.next() {
        try maker.forEachBatch(of: examples, by: examples.count, in: walk.runner.arena) {
          batch, labels throws(KernelError) in
          try walk(over: batch) { node, input, operand, place throws(KernelError) in
            try walk.runner.compute(layers[node], input: input, operand: operand, into: place)
          } atEnd: { network, outputs in
            let loss = Probabilities(softmaxOf: outputs).crossEntropy(labels: labels)
            answers.append(Answer(ticket: ticket, network: network, loss: loss))
          }
        }
      }
    } catch {
      failure = error
    }
  }
}

/// Examples dealt out to several threads, a few at a time.
final class Tickets: Sendable {
  private let examples: ArraySlice<Int>
  private let size: Int
  private let dealt = Atomic(0)

  init(of examples: ArraySlice<Int>, by size: Int) {
    self.examples = examples
    self.size = size
  }

  /// The next examples, with their place in the order; `nil` if all are dealt out.
  func next() -> (ticket: Int, examples: ArraySlice<Int>)? {
    let ticket = dealt.add(1, ordering: .relaxed).oldValue
    let part = examples.dropFirst(ticket * size).prefix(size)
    return part.isEmpty ? nil : (ticket, part)
  }
}
