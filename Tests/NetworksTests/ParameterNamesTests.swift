import Kernels
import Networks
import SearchSpace
import Testing

@Suite struct ParameterNamesTests {
  private func file(_ family: String, depth: Int? = nil) throws -> [String: [Int]] {
    var settings = Family.Settings()
    settings.smallestDepth = depth
    let space = try Family(family).space(
      input: [3, 224, 224], classes: 1000, settings: settings)
    let network = space.network(of: depth == nil ? space.largest : space.smallest)
    let names = ParameterNames(of: network.layers, family: space.name)
    #expect(names.areOfPyTorch)
    var file: [String: [Int]] = [:]
    for layer in network.layers where layer.cost.parameters > 0 {
      let module = names.weights(of: layer)
      let outputs = layer.output.channels
      guard case .convolution(let convolution) = layer.operation else {
        file["\(module).weight"] = [outputs, layer.input.count]
        file["\(module).bias"] = [outputs]
        continue
      }
      let groups = convolution.grouping.count(channels: layer.input.channels)
      file["\(module).weight"] =
        [outputs, layer.input.channels / groups, convolution.kernel, convolution.kernel]
      for suffix in ["weight", "bias", "running_mean", "running_var"] {
        file["\(names.normalization(of: layer)).\(suffix)"] = [outputs]
      }
    }
    return file
  }

  // The names, shapes and counts below are those of torchvision 0.29, from
  // `resnet50().state_dict()` and its like, without `num_batches_tracked`.

  @Test func `calls residual networks as torchvision does`() throws {
    let resNet50 = try file("resnet-50")
    #expect(resNet50.count == 267)
    #expect(resNet50["conv1.weight"] == [64, 3, 7, 7])
    #expect(resNet50["bn1.running_var"] == [64])
    #expect(resNet50["layer1.0.conv3.weight"] == [256, 64, 1, 1])
    #expect(resNet50["layer2.0.downsample.0.weight"] == [512, 256, 1, 1])
    #expect(resNet50["layer2.0.downsample.1.running_mean"] == [512])
    #expect(resNet50["layer4.2.bn3.bias"] == [2048])
    #expect(resNet50["fc.weight"] == [1000, 2048] && resNet50["fc.bias"] == [1000])
    let resNet18 = try file("resnet-18")
    #expect(resNet18.count == 102)
    #expect(resNet18["layer4.1.conv2.weight"] == [512, 512, 3, 3])
    #expect(resNet18["layer1.0.downsample.0.weight"] == nil)
    let resNeXt = try file("resnext-50-32x4d")
    #expect(resNeXt.count == 267)
    #expect(resNeXt["layer1.0.conv2.weight"] == [128, 4, 3, 3])
  }

  @Test func `calls mobile networks as torchvision does`() throws {
    let network = try file("mobilenet-v2")
    #expect(network.count == 262)
    #expect(network["features.0.0.weight"] == [32, 3, 3, 3])
    #expect(network["features.1.conv.0.0.weight"] == [32, 1, 3, 3])
    #expect(network["features.1.conv.1.weight"] == [16, 32, 1, 1])
    #expect(network["features.1.conv.2.running_mean"] == [16])
    #expect(network["features.2.conv.0.0.weight"] == [96, 16, 1, 1])
    #expect(network["features.2.conv.1.0.weight"] == [96, 1, 3, 3])
    #expect(network["features.2.conv.2.weight"] == [24, 96, 1, 1])
    #expect(network["features.17.conv.3.weight"] == [320])
    #expect(network["features.18.0.weight"] == [1280, 320, 1, 1])
    #expect(network["classifier.1.weight"] == [1000, 1280])
    // Shallower ones have no gaps in their numbers.
    let shallow = try file("mobilenet-v2", depth: 1)
    #expect(shallow.keys.contains("features.8.0.weight"))
    #expect(!shallow.keys.contains { $0.hasPrefix("features.9.") })
    let first = try file("mobilenet-v1")
    #expect(first["model.13.3.weight"] == [1024, 1024, 1, 1])
    #expect(first["model.13.0.weight"] == [1024, 1, 3, 3])
    #expect(first["fc.weight"] == [1000, 1024])
  }

  @Test func `leaves networks their own names that PyTorch's modules cannot be`() throws {
    var untied = Family.Settings()
    untied.residual = .shortcut
    let input: Shape = [3, 32, 32]
    for space in [
      try Family("vgg-16").space(input: input, classes: 10),
      try Family("efficientnet-b0").space(input: input, classes: 10),
      try Family("resnet-20").space(input: input, classes: 10, settings: untied),
    ] {
      let layers = space.network(of: space.largest).layers
      let names = ParameterNames(of: layers, family: space.name)
      #expect(!names.areOfPyTorch, "\(space.name)")
      #expect(names == ParameterNames())
    }
  }
}

@Suite struct PretrainedWeightsTests {
  let space: SearchSpace
  let layers: [Layer]
  let names: ParameterNames

  init() throws {
    var settings = Family.Settings()
    settings.width = WidthRule(scale: 1, groups: 4, divisor: 4)
    space = try Family("resnet-8").space(input: [3, 32, 32], classes: 10, settings: settings)
    layers = space.supernetLayers
    names = ParameterNames(of: layers, family: space.name)
  }

  /// The file of a supernet with drawn weights, and with what PyTorch adds.
  private func tensors(prefix: String = "") throws -> [Safetensors.Tensor] {
    let parameters = try Parameters(of: layers)
    parameters.initialize(seed: 5)
    let network = space.network(of: space.largest)
    let statistics = network.layers.map { layer in
      layer.isNormalized
        ? ChannelStatistics(
          mean: [Float](repeating: 0, count: layer.output.channels),
          variance: [Float](repeating: 1, count: layer.output.channels)) : nil
    }
    let trained = TrainedNetwork(network, slicing: parameters, statistics: statistics)
    let counter = Safetensors.Tensor(name: "bn1.num_batches_tracked", shape: [], values: [7])
    return (trained.safetensors(named: names).tensors + [counter]).map {
      .init(name: prefix + $0.name, shape: $0.shape, values: $0.values)
    }
  }

  @Test(arguments: ["", "module."])
  func `fills every array by its name`(prefix: String) throws {
    let file = Safetensors(try tensors(prefix: prefix))
    let parameters = try Parameters(of: layers)
    parameters.set(try PretrainedWeights(file, for: layers, named: names))
    let expected = try Parameters(of: layers)
    expected.initialize(seed: 5)
    for entry in parameters.entries {
      #expect(parameters.values(of: entry) == expected.values(of: entry), "\(entry.name)")
    }
  }

  @Test func `lists everything that does not fit, at once`() throws {
    var tensors = try tensors()
    func change(_ name: String, _ change: (Safetensors.Tensor) -> Safetensors.Tensor) throws {
      let index = try #require(tensors.firstIndex { $0.name == name })
      tensors[index] = change(tensors[index])
    }
    try change("conv1.weight") { .init(name: $0.name, shape: [3, 16, 3, 3], values: $0.values) }
    try change("bn1.weight") { .init(name: "bn1.gamma", shape: $0.shape, values: $0.values) }
    try change("layer2.0.bn1.bias") {
      .init(name: $0.name, shape: $0.shape, values: [.nan] + $0.values.dropFirst())
    }
    try change("fc.weight") {
      .init(name: $0.name, shape: [5, 64], values: Array($0.values.prefix(320)))
    }
    let error = #expect(throws: WeightsError.self) {
      _ = try PretrainedWeights(Safetensors(tensors), for: layers, named: names)
    }
    #expect(
      error?.problems == [
        "'conv1.weight' has shape [3, 16, 3, 3], not [16, 3, 3, 3]",
        "'bn1.weight' of shape [16] is missing",
        "'layer2.0.bn1.bias' holds numbers that are not finite",
        "'fc.weight' has shape [5, 64], not [10, 64]",
        "'bn1.gamma' belongs to no layer of the network",
      ])
  }
}
