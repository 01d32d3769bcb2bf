import Datasets
import Evaluator
import Foundation
import Kernels
import Networks
import SearchSpace
import TestSupport
import Testing

@Suite struct SupernetTests {
  private func space() throws -> SearchSpace {
    try SearchSpace(name: "small", input: Shape(channels: 1, height: 8, width: 8)) {
      Convolution(name: "stem", width: [4, 8, 12], kernel: 3)
      Stage(.basic(inner: [4, 8]), width: [4, 8, 12], depth: [1, 2])
      Stage(
        .invertedResidual(inner: .init([8, 16])), width: [8, 12], depth: [1, 2], stride: 2,
        activation: .relu6)
      GlobalAveragePool()
      Linear(classes: 4)
    }
  }

  private func images(augmentation: Augmentation = .none) throws -> StudyImages {
    let synthetic = SyntheticImages(count: 800)
    return try StudyImages(
      ImageDataset(
        pixels: synthetic.pixels, labels: synthetic.labels, height: 8, width: 8, channels: 1,
        classes: 4), holdOut: 200, augmentation: augmentation, seed: 3)
  }

  private func supernet(
    epochs: Int = 4, paths: Supernet.Paths = .sandwich(random: 2, distills: true),
    backend: Engine.Backend = .fused, augmentation: Augmentation = .none,
    precision: ElementType = .float32
  ) throws -> Supernet {
    var settings = Supernet.Settings()
    settings.precision = precision
    settings.epochs = epochs
    settings.batch = 40
    settings.paths = paths
    return try Supernet(
      space: space(), images: images(augmentation: augmentation), settings: settings,
      engine: Engine(backend: backend))
  }

  private let recipe = ScoringRecipe(images: 200, calibration: 90, batch: 40)

  @Test(
    arguments: Engine.Backend.allCases,
    [
      (8, .sandwich(random: 2, distills: true)), (8, .sandwich(random: 2, distills: false)),
      (24, Supernet.Paths.single),
    ])
  func `learns, the largest and the smallest subnet alike`(
    backend: Engine.Backend, training: (epochs: Int, paths: Supernet.Paths)
  ) throws {
    let supernet = try supernet(epochs: training.epochs, paths: training.paths, backend: backend)
    while !supernet.isTrained { try supernet.trainStep() }
    let scores = try supernet.score(
      [supernet.space.largest, supernet.space.smallest], with: recipe)
    #expect(scores[0].accuracy > 0.9)
    #expect(scores[1].accuracy > 0.7)
  }

  @Test func `scores candidates together as each alone, to the last bit`() throws {
    let supernet = try supernet()
    for _ in 0..<20 { try supernet.trainStep() }
    var generator = SeededGenerator(seed: 1)
    let space = supernet.space
    var architectures = space.decisions.indices.compactMap {
      space.lowering($0, of: space.largest)
    }
    architectures += (0..<6).map { _ in space.randomArchitecture(using: &generator) }
    architectures.append(architectures[0])
    let together = try supernet.score(architectures, with: recipe)
    let alone = try architectures.map { try supernet.score([$0], with: recipe)[0] }
    #expect(together == alone)

    // The same once more, with the answers that the scores count.
    let assessments = try supernet.assess(architectures, with: recipe)
    #expect(assessments.map(\.score) == together)
    for (architecture, assessment) in zip(architectures, assessments).prefix(3) {
      let trained = try supernet.trainedNetwork(of: architecture, with: recipe)
      let logits = try supernet.answers(of: trained, with: recipe).logits
      let expected = supernet.images.holdOut.enumerated().map { index, image in
        let row = logits[index * 4..<index * 4 + 4]
        let own = row[row.startIndex + Int(supernet.images.maker.dataset.labels[image])]
        return own == row.max() && row.count(where: { $0 == own }) == 1
      }
      #expect(assessment.answers.images == expected.count)
      #expect(
        expected.indices.allSatisfy { index in
          let bit = assessment.answers.bytes[index / 8] >> UInt8(index % 8) & 1
          return (bit == 1) == expected[index]
        })
    }
  }

  @Test func `computes no channel twice that a wider candidate has`() throws {
    let supernet = try supernet()
    let space = supernet.space
    let largest = space.network(of: space.largest)
    let inner = try #require(space.decisions.lastIndex { $0.choices == [8, 16] })
    let narrow = try #require(space.lowering(inner, of: space.largest))
    let layers = space.network(of: narrow).layers
    let changed = layers.indices.filter { layers[$0] != largest.layers[$0] }
    // The expansion and the depthwise convolution of one block are there; its projection reads fewer channels.
    #expect(changed.count == 3)
    let computed = supernet.layersComputed(for: [narrow, space.largest])
    #expect(Set(computed) == Set(largest.layers + layers[changed[2]...]))
    #expect(computed.count == largest.layers.count + layers.count - changed[2])
    let libraries = try self.supernet(backend: .oneDNN)
    #expect(
      libraries.layersComputed(for: [narrow, space.largest]).count
        == largest.layers.count + layers.count - changed[0])
  }

  /// Every kind of layer, values that are read long after they were made, and widths that change nothing
  /// before them.
  private func manifold() throws -> SearchSpace {
    try SearchSpace(name: "manifold", input: Shape(channels: 1, height: 8, width: 8)) {
      Convolution(width: [4, 6], kernel: [3, 5], activation: .hardSwish)
      Stage(
        .invertedResidual(
          expand: [2, 3], kernel: [3, 5], gate: SqueezeAndExcitation(activation: .swish)),
        width: [4, 6], depth: [1, 2], activation: .swish)
      Stage(.fire(squeeze: .percent(50)), width: [8, 12], completion: .bias)
      OneOf {
        Alternative {}
        Alternative { Convolution(width: [4, 8], kernel: 1, completion: .bias) }
      }
      Pool(.average, kernel: 3, stride: 2, roundsUp: true)
      Stage(.bottleneck(inner: .percent(50), in: .groups(2)), width: [8, 16], depth: [1, 2])
      Stage(.basic(), width: [6, 8, 10], depth: [1, 2], residual: .shortcut)
      Convolution(width: [6, 8], kernel: 1, completion: .none, activation: .none)
      Normalization(activation: .relu6)
      GlobalAveragePool()
      Linear(width: [5, 7], activation: .relu)
      Linear(classes: 4)
    }
  }

  @Test(arguments: Engine.Backend.allCases)
  func `scores layers of every kind, together and alone, as the networks answer`(
    backend: Engine.Backend
  ) throws {
    let supernet = try Supernet(
      space: manifold(), images: images(), settings: .init(), engine: Engine(backend: backend))
    // 197 images are not a whole number of parts, whichever way they are dealt out.
    let recipe = ScoringRecipe(images: 197, calibration: 90, batch: 40)
    var generator = SeededGenerator(seed: 3)
    let architectures = (0..<12).map { _ in supernet.space.randomArchitecture(using: &generator) }
    let together = try supernet.score(architectures, with: recipe)
    for (architecture, score) in zip(architectures, together) {
      #expect(try supernet.score([architecture], with: recipe) == [score])
      let trained = try supernet.trainedNetwork(of: architecture, with: recipe)
      let answers = try supernet.answers(of: trained, with: recipe)
      #expect(answers.score.correct == score.correct)
      #expect(answers.score.images == 197 && score.images == 197)
      #expect(abs(answers.score.loss - score.loss) < 1e-6)
    }
    #expect(Set(together.map(\.loss)).count > 6)
  }

  @Test func `scores with each batch's own statistics where none are gathered`() throws {
    let supernet = try supernet()
    let space = supernet.space
    let own = ScoringRecipe(images: 200, calibration: 0, batch: 40)
    let architectures = space.decisions.indices.compactMap {
      space.lowering($0, of: space.largest)
    }
    let together = try supernet.score(architectures, with: own)
    #expect(together == (try architectures.map { try supernet.score([$0], with: own)[0] }))
    #expect(together != (try supernet.score(architectures, with: recipe)))

    // Once more with the forward pass of training, which knows no other statistics. A supernet
    // that is not trained has the weights that its seed gives.
    let parameters = try Parameters(of: space.network(of: space.largest))
    parameters.initialize(seed: supernet.images.seed)
    let runner = try NetworkRunner(engine: Engine(), parameters: parameters)
    for (architecture, score) in zip(architectures, together) {
      let network = space.network(of: architecture)
      var (correct, loss) = (0, 0.0)
      for start in stride(from: 0, to: 200, by: 40) {
        let mark = runner.arena.mark
        defer { runner.arena.release(to: mark) }
        let batch = runner.arena.tensor(space.input.tensorShape(batch: 40))
        var labels = [Int32](repeating: 0, count: 40)
        batch.withElements { elements in
          var span = labels.mutableSpan
          supernet.images.maker.fill(
            &elements, labels: &span, with: supernet.images.holdOut[start..<start + 40])
        }
        let tape = try runner.forward(network, images: batch)
        let part = Probabilities(softmaxOf: tape.outputs).crossEntropy(labels: labels)
        correct += part.correct
        loss += part.loss / 5
      }
      #expect(score.correct == correct)
      #expect(abs(score.loss - loss) < 1e-6)
    }
  }

  /// Bytes of this process that are in memory now.
  private func residentBytes() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
    let pages = try #require(status.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }

  @Test(arguments: ElementType.allCases)
  func `takes no more memory after two thousand steps and two thousand candidates`(
    precision: ElementType
  ) throws {
    var settings = Supernet.Settings()
    settings.epochs = 200
    settings.batch = 20
    settings.precision = precision
    let supernet = try Supernet(
      space: space(), images: images(), settings: settings, engine: Engine())
    let recipe = ScoringRecipe(images: 20, calibration: 20, batch: 20)
    var generator = SeededGenerator(seed: 1)
    func work(_ count: Int) throws {
      for _ in 0..<count {
        try supernet.trainStep()
        _ = try supernet.score(
          [supernet.space.randomArchitecture(using: &generator)], with: recipe)
      }
    }
    // What is met for the first time may take memory that is kept.
    try work(100)
    let before = try residentBytes()
    try work(2000)
    #expect(try residentBytes() - before < 4 << 20)
  }

  @Test func `trains to the same weights from the same seed`() throws {
    let weights = try (0..<2).map { _ in
      let supernet = try supernet(augmentation: Augmentation(crop: 1, flip: true))
      for _ in 0..<10 { try supernet.trainStep() }
      return supernet.checkpoint().encoded()
    }
    #expect(weights[0] == weights[1])
  }

  @Test func `draws each choice of a single path equally often`() throws {
    let supernet = try supernet(paths: .single)
    let steps = 6000
    for (index, decision) in supernet.space.decisions.enumerated() {
      var counts = [Int](repeating: 0, count: decision.choices.count)
      for step in 0..<steps { counts[supernet.subnets(ofStep: step)[0].choices[index]] += 1 }
      let expected = Double(steps) / Double(counts.count)
      // Five standard deviations of a binomial count; the seed is fixed.
      for count in counts { #expect(abs(Double(count) - expected) < 5 * expected.squareRoot()) }
    }
  }

  @Test(arguments: [Supernet.Paths.sandwich(random: 2, distills: true), .single])
  func `goes on from a checkpoint as if it had never stopped`(paths: Supernet.Paths) throws {
    let augmentation = Augmentation(crop: 1, flip: true, cutout: 2)
    let whole = try supernet(paths: paths, augmentation: augmentation)
    for _ in 0..<7 { try whole.trainStep() }
    let file = try Safetensors(decoding: whole.checkpoint().encoded())
    let resumed = try supernet(paths: paths, augmentation: augmentation)
    try resumed.restore(file)
    #expect(resumed.step == 7)
    for _ in 0..<7 {
      #expect(try whole.trainStep() == resumed.trainStep())
    }
    #expect(whole.checkpoint().encoded() == resumed.checkpoint().encoded())
  }

  @Test func `refuses the checkpoint of another supernet and stays as it is`() throws {
    let supernet = try supernet()
    let before = supernet.checkpoint().encoded()
    let error = #expect(throws: WeightsError.self) {
      try supernet.restore(
        Safetensors([Safetensors.Tensor(name: "stem.weight", shape: [1], values: [0])]))
    }
    #expect(error?.problems.contains { $0.contains("stem.weight") } == true)
    #expect(supernet.checkpoint().encoded() == before)
  }

  /// A step once more, from the parts of a network and without a supernet.
  private func stepByHand(
    _ supernet: Supernet, _ paths: Supernet.Paths
  ) throws -> (Parameters, subnets: [Architecture]) {
    let space = supernet.space
    let engine = try Engine()
    let parameters = try Parameters(of: space.network(of: space.largest))
    parameters.initialize(seed: supernet.images.seed)
    let runner = try NetworkRunner(engine: engine, parameters: parameters)
    var batches = try TrainingBatches(
      of: supernet.images.maker, examples: supernet.images.training, batchSize: 40, seed: 3)
    let batch = runner.arena.tensor(space.input.tensorShape(batch: 40))
    var labels = [Int32](repeating: 0, count: 40)
    batch.withElements { elements in
      var span = labels.mutableSpan
      batches.fill(&elements, labels: &span, step: 0)
    }
    var generator = SeededGenerator(seed: 3, stream: "subnets", index: 0)
    let random = (0..<2).map { _ in space.randomArchitecture(using: &generator) }
    let subnets = paths == .single ? [random[0]] : [space.largest, space.smallest] + random

    parameters.clearGradients()
    var teacher: Probabilities?
    for subnet in subnets {
      let tape = try runner.forward(space.network(of: subnet), images: batch)
      let gradient = runner.arena.tensor(tape.outputs.shape)
      let answer = Probabilities(softmaxOf: tape.outputs)
      if paths == .sandwich(random: 2, distills: true), let teacher {
        _ = answer.crossEntropy(teacher: teacher, gradient: gradient)
      } else {
        _ = answer.crossEntropy(labels: labels, gradient: gradient)
      }
      if teacher == nil { teacher = answer }
      try runner.backward(tape, outputGradient: gradient)
    }
    parameters.step(
      supernet.settings.optimizer, rate: supernet.settings.optimizer.rate, engine: engine)
    return (parameters, subnets)
  }

  @Test(
    arguments: [
      .sandwich(random: 2, distills: true), .sandwich(random: 2, distills: false),
      Supernet.Paths.single,
    ])
  func `steps by the summed gradients of its subnets`(paths: Supernet.Paths) throws {
    let supernet = try supernet(paths: paths)
    let (expected, subnets) = try stepByHand(supernet, paths)
    let losses = try supernet.trainStep()
    #expect(losses.subnets.count == subnets.count && losses.areFinite)
    #expect(supernet.subnets(ofStep: 0) == subnets)
    let file = supernet.checkpoint()
    for entry in expected.entries {
      #expect(
        relativeDifference(file[entry.name]?.values ?? [], expected.values(of: entry)) < 1e-6,
        "\(entry.name)")
    }
    guard paths != .single else { return }
    // The random subnets draw every group on its own: their choices are not of one width.
    let space = supernet.space
    #expect(subnets.dropFirst(2).contains { $0 != space.largest && $0 != space.smallest })
    #expect(subnets[2] != subnets[3])
  }

  @Test(arguments: [ElementType.float32, .bfloat16])
  func `cuts out a network that answers as its slice of the supernet does`(
    precision: ElementType
  ) throws {
    let supernet = try supernet(precision: precision)
    for _ in 0..<20 { try supernet.trainStep() }
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<4 {
      let architecture = supernet.space.randomArchitecture(using: &generator)
      let trained = try supernet.trainedNetwork(of: architecture, with: recipe)
      let inside = try supernet.answers(of: trained, with: recipe)
      if precision == .float32 {
        #expect(inside.score == (try supernet.score([architecture], with: recipe)[0]))
      }
      #expect(supernet.precision == precision)
      let copy = try TrainedNetwork(
        trained.network, from: Safetensors(decoding: trained.safetensors(named: .init()).encoded()),
        named: .init())
      let outside = try Answers(
        of: copy.network, statistics: copy.statistics,
        runner: copy.makeRunner(engine: Engine()), images: supernet.images, recipe: recipe)
      #expect(inside.largestDifference(from: outside) < 1e-4)
      #expect(inside.score.correct == outside.score.correct)
    }
  }

  @Test func `lists everything about weights that do not fit a network`() throws {
    let supernet = try supernet()
    let trained = try supernet.trainedNetwork(of: supernet.space.smallest, with: recipe)
    var tensors = trained.safetensors(named: .init()).tensors
    tensors.removeAll { $0.name == "stem.norm.running_mean" }
    tensors.append(Safetensors.Tensor(name: "spare", shape: [1], values: [1]))
    let error = #expect(throws: WeightsError.self) {
      _ = try TrainedNetwork(trained.network, from: Safetensors(tensors), named: .init())
    }
    #expect(
      error?.problems == [
        "'stem.norm.running_mean' is missing", "'spare' belongs to no layer of the network",
      ])
  }

  @Test func `gathers the exact moments of all calibration images`() throws {
    // The first layer reads images that no normalisation has touched, so its statistics must be
    // those of one batch that holds them all.
    let supernet = try supernet()
    let inBatches = try supernet.trainedNetwork(
      of: supernet.space.largest, with: ScoringRecipe(images: 1, calibration: 90, batch: 40))
    let atOnce = try supernet.trainedNetwork(
      of: supernet.space.largest, with: ScoringRecipe(images: 1, calibration: 90, batch: 90))
    let (first, second) = (inBatches.statistics[0], atOnce.statistics[0])
    #expect(relativeDifference(first?.mean ?? [], second?.mean ?? [1]) < 1e-4)
    #expect(relativeDifference(first?.variance ?? [], second?.variance ?? [1]) < 1e-4)
  }
}
