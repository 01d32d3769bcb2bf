package import SearchSpace

/// Work of the engine in numbers that time grows with.
package struct Workload: Hashable, Sendable {
  /// Multiply-adds.
  package var macs = 0.0

  /// Numbers that layers write.
  package var elements = 0.0

  package init() {}

  /// The work of computing some layers for one image.
  package init(of layers: [Layer]) {
    macs = Double(layers.reduce(0) { $0 + $1.cost.macs })
    elements = Double(layers.reduce(0) { $0 + $1.output.count })
  }

  package static func + (left: Workload, right: Workload) -> Workload {
    var sum = left
    sum.macs += right.macs
    sum.elements += right.elements
    return sum
  }

  package static func * (left: Workload, factor: Double) -> Workload {
    var product = left
    product.macs *= factor
    product.elements *= factor
    return product
  }
}

/// How long the engine takes for a unit of work on this machine.
package struct Speed: Hashable, Sendable {
  private var secondsPerMAC: Double
  private var secondsPerElement: Double

  /// Finds the speed that explains how long two networks took for one image each.
  ///
  /// Multiply-adds grow with the square of the widths and elements with the widths themselves, so a
  /// large and a small network tell the two apart. Where noise would make one of them negative,
  /// multiply-adds alone have to explain the time of the large one.
  package init(large: (work: Workload, seconds: Double), small: (work: Workload, seconds: Double)) {
    let (a, b) = (large.work, small.work)
    let determinant = a.macs * b.elements - b.macs * a.elements
    secondsPerMAC = (large.seconds * b.elements - small.seconds * a.elements) / determinant
    secondsPerElement = (small.seconds * a.macs - large.seconds * b.macs) / determinant
    guard secondsPerMAC >= 0, secondsPerElement >= 0, determinant != 0 else {
      secondsPerMAC = large.seconds / max(1, a.macs)
      secondsPerElement = 0
      return
    }
  }

  package func seconds(for work: Workload) -> Double {
    secondsPerMAC * work.macs + secondsPerElement * work.elements
  }
}
