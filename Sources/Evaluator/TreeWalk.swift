import Kernels
import Networks
import SearchSpace

/// Computes the layers of a tree for some images, each once, depth first.
///
/// Of the branch that it is on it keeps only the values that are still read.
final class TreeWalk {
  let tree: PrefixTree
  let runner: NetworkRunner

  /// The values of the branch, and the place of each in the pool while it has one.
  private var branch: [(value: NormalizedTensor, place: Tensor?)] = []

  /// Creates a walk.
  ///
  /// - Parameters:
  ///   - tree: What to compute.
  ///   - runner: What computes it; its pool is emptied and then holds the values.
  init(_ tree: PrefixTree, with runner: NetworkRunner) {
    self.tree = tree
    self.runner = runner
    runner.pool.reset()
  }

  /// Computes a layer into a place, which only convolutions take.
  typealias Compute = (
    _ node: Int, _ input: NormalizedTensor, _ operand: NormalizedTensor?, _ place: Tensor?
  ) throws(KernelError) -> NormalizedTensor

  /// Computes every layer.
  ///
  /// - Parameters:
  ///   - images: Of shape `[batch]` times the networks' input.
  ///   - compute: Computes one layer.
  ///   - atEnd: Told each network's outputs, of shape `[batch, classes]`, which last as long as the call.
  /// - Throws: ``KernelError`` if a kernel fails.
  func callAsFunction(
    over images: Tensor, computing compute: Compute, atEnd: (_ network: Int, Tensor) -> Void
  ) throws(KernelError) {
    for root in tree.roots { try visit(root, images, compute, atEnd) }
  }

  private func visit(
    _ index: Int, _ images: Tensor, _ compute: Compute, _ atEnd: (Int, Tensor) -> Void
  ) throws(KernelError) {
    let node = tree.nodes[index]
    let mark = runner.arena.mark
    defer { runner.arena.release(to: mark) }
    let input = value(node.layer.source, images)
    let place =
      node.isComputedByReader ? nil : place(for: node.layer, batch: images.shape.batch)
    let output =
      node.isComputedByReader
      ? input : try compute(index, input, node.layer.operand.map { value($0, images) }, place)
    for depth in node.lastReads { giveBack(depth) }
    for network in node.ends { atEnd(network, runner.final(output)) }
    branch.append((output, place))
    for next in node.next { try visit(next, images, compute, atEnd) }
    giveBack(branch.count - 1)
    branch.removeLast()
  }

  private func value(_ value: Value, _ images: Tensor) -> NormalizedTensor {
    switch value {
    case .image: NormalizedTensor(images)
    case .layer(let depth): branch[depth].value
    }
  }

  private func place(for layer: Layer, batch: Int) -> Tensor? {
    guard case .convolution = layer.operation else { return nil }
    return runner.pool.take(layer.output.tensorShape(batch: batch), runner.precision)
  }

  private func giveBack(_ depth: Int) {
    guard let place = branch[depth].place else { return }
    runner.pool.giveBack(place)
    branch[depth].place = nil
  }
}
