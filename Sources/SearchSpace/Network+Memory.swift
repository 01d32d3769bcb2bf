extension Network {
  /// The most bytes that activations take at one time, for one image in single precision.
  ///
  /// A value lies in memory from where it is computed to where it is last read, the image from the
  /// start; a layer needs what it reads and what it computes together.
  public var activationMemory: Int {
    var lastReaders: [Value: Int] = [:]
    for (index, layer) in layers.enumerated() {
      lastReaders[layer.source] = index
      if let addend = layer.addend { lastReaders[addend] = index }
    }
    var elements = input.count
    var most = elements
    for (index, layer) in layers.enumerated() {
      elements += layer.output.count
      most = max(most, elements)
      for (value, last) in lastReaders where last == index { elements -= shape(of: value).count }
    }
    return most * MemoryLayout<Float>.stride
  }
}
