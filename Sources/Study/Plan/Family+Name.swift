import SearchSpace

extension Family {
  /// The name that ``init(_:)`` knows it by.
  var name: String {
    switch self {
    case .mobileNetV1: "mobilenet-v1"
    case .mobileNetV2: "mobilenet-v2"
    case .resNet(let layers): "resnet-\(layers)"
    }
  }

  /// The family of this name, no deeper than anyone has built it.
  static func named(_ name: String) throws(ScalarError) -> Family {
    do {
      let family = try Family(name)
      if case .resNet(let layers) = family, layers > 1202 {
        throw SearchSpaceError.badLayerCount(layers, rule: "the most are 1202")
      }
      return family
    } catch SearchSpaceError.unknownFamily(_, let known) {
      let meant = nearest(name, in: known).map { "did you mean '\($0)'? " } ?? ""
      throw ScalarError(hint: "\(meant)there are \(known.joined(separator: ", "))")
    } catch {
      throw ScalarError(hint: "\(error)")
    }
  }
}
