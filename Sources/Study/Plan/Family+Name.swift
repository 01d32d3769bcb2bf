import SearchSpace

extension Family {
  /// The name that ``init(_:)`` knows it by.
  var name: String {
    switch self {
    case .mobileNetV1: "mobilenet-v1"
    case .mobileNetV2: "mobilenet-v2"
    case .mnasNet: "mnasnet"
    case .efficientNet(.b0): "efficientnet-b0"
    case .efficientNet(.b1): "efficientnet-b1"
    case .resNet(let layers, let hasBottlenecks):
      // Of some numbers of layers there is another network that goes without the ending.
      (try? Family("resnet-\(layers)")) == self
        ? "resnet-\(layers)" : "resnet-\(layers)-" + (hasBottlenecks ? "bottleneck" : "cifar")
    case .imageNetResNet(let layers): "resnet-\(layers)"
    case .resNeXt(let layers): "resnext-\(layers)-32x4d"
    case .regNetX(let variant): variant.name
    case .vgg(let layers, let isNormalized): "vgg-\(layers)" + (isNormalized ? "-bn" : "")
    case .squeezeNet: "squeezenet"
    case .nats: "nats"
    case .nasBenchMacro: "nas-bench-macro"
    }
  }

  /// Finds the family that a search file names, no deeper than anyone has built it.
  init(word name: String) throws(ScalarError) {
    do {
      let family = try Family(name)
      if case .resNet(let layers, _) = family, layers > 1202 {
        throw SearchSpaceError.badLayerCount(layers, rule: "the most are 1202")
      }
      self = family
    } catch SearchSpaceError.unknownFamily(_, let known) {
      let meant = nearest(name, in: known).map { "did you mean '\($0)'? " } ?? ""
      throw ScalarError(hint: "\(meant)there are \(known.joined(separator: ", "))")
    } catch {
      throw ScalarError(hint: "\(error)")
    }
  }
}
