import Networks
import SearchSpace

extension ExportReport {
  /// What `model.onnx` says about itself; netron shows it, and runtimes hand it out.
  public func metadata(_ file: ArchitectureFile) -> KeyValuePairs<String, String> {
    let decisions = file.sizes.map { "\($0.decision): \($0.size)" }.joined(separator: ", ")
    func list(_ numbers: [Double]) -> String {
      "[" + numbers.map { "\($0)" }.joined(separator: ", ") + "]"
    }
    return [
      "nas.study": study, "nas.trial": "\(trial)", "nas.strategy": strategy, "nas.seed": "\(seed)",
      "nas.decisions": decisions, "nas.architecture": file.text, "nas.macs": "\(macs)",
      "nas.params": "\(params)", "nas.accuracy": "\(accuracy.supernet)",
      "nas.images": "\(accuracy.images)", "nas.weights": fidelity, "nas.input": onnx.input,
      "nas.mean": list(preprocessing.mean), "nas.deviation": list(preprocessing.deviation),
      "nas.plan_hash": planHash, "nas.data_hash": dataHash, "nas.weights_hash": weightsHash,
    ]
  }

  /// A page that tells a stranger what the bundle is, how to run it and how to go on from it.
  public func readme(of file: ArchitectureFile) -> String {
    let percent = (accuracy.bundle * 1000).rounded() / 10
    let input = file.network.input
    let shape = "[batch, \(input.channels), \(input.height), \(input.width)]"
    let image =
      onnx.input == "uint8"
      ? "Its image is of pixels from 0 to 255; the graph normalises them itself."
      : """
      Its image is normalised: (pixel / 255 - mean) / deviation, by channel, with the figures of
      `preprocessing` in `report.json`.
      """
    let origin =
      fidelity == "retrained" ? "trained on its own" : "inherited from the supernet of the search"
    let normalizations =
      onnx.batchNormalization == "kept" ? "nodes of their own" : "part of the convolutions' weights"
    let names =
      file.parameterNames.areOfPyTorch
      ? """
      The names are those of PyTorch's modules: one of the same widths takes the file with
      `module.load_state_dict(safetensors.torch.load_file("weights.safetensors"), strict=False)`,
      which misses nothing but `num_batches_tracked`. `architecture.yaml` tells which layer is which
      module; epsilon is 1e-5.
      """
      : """
      A layer NAME has `NAME.weight`, `NAME.bias` and, for its batch normalisation,
      `NAME.norm.{weight,bias,running_mean,running_var}` with an epsilon of 1e-5.
      """
    return """
      # A network found by nas

      Trial \(trial) of study '\(study)': a \(file.name) of \(macs) multiply-adds and \(params)
      parameters for \(file.network.classes) classes. It classifies \(percent) % of \(accuracy.images) images
      held out of the training set, with weights \(origin).

      ## Run it

      With Python, numpy and onnxruntime, in this folder:

      ```python
      \(snippet(input))
      ```

      `model.onnx` (opset \(onnx.opset), IR version \(onnx.irVersion)) reads `image`, of shape
      \(shape), and gives `logits`, of shape [batch, \(file.network.classes)], for any
      batch. Batch normalisations are \(normalizations).
      \(image)\(origins)
      Its metadata tell architecture, costs and accuracy.

      ## Go on with it

      `weights.safetensors` holds every array in float32, with PyTorch's layouts: a convolution's
      weight is (output, input / groups, height, width), a linear layer's (output, input).
      \(names)

      `architecture.yaml` lists every layer with its sizes, in the order in which they are computed. Its
      head tells how to read it; `nas` takes it as a network of one's own.

      ## Whether it is right

      `report.json` holds costs, accuracies, how batch normalisation was calibrated, and hashes of
      plan, data and weights. The same \(accuracy.images) images were shown to the network that the
      search knows, to the one rebuilt from `weights.safetensors`, and to `model.onnx`: all classify the same
      number of them correctly, and no logit differs by more than
      \(largestLogitDifference).

      """
  }

  /// Where images and classes come from, as sentences.
  private var origins: String {
    var sentences = ""
    if let resize = preprocessing.resize { sentences += "\nBefore that, \(resize)." }
    if classNames != nil {
      sentences += "\n`class_names` in `report.json` has a name for each logit."
    }
    return sentences
  }

  private func snippet(_ input: Shape) -> String {
    let pixels = "(1, \(input.channels), \(input.height), \(input.width))"
    if onnx.input == "uint8" {
      return """
        import numpy
        import onnxruntime

        session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])

        pixels = numpy.zeros(\(pixels), "uint8")  # put your images here, 0 to 255
        [logits] = session.run(["logits"], {"image": pixels})
        print("classes:", logits.argmax(axis=1))
        """
    }
    return """
      import json

      import numpy
      import onnxruntime

      session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
      scale = json.load(open("report.json"))["preprocessing"]
      mean = numpy.reshape(scale["mean"], (-1, 1, 1))
      deviation = numpy.reshape(scale["deviation"], (-1, 1, 1))

      pixels = numpy.zeros(\(pixels), "uint8")  # put your images here, 0 to 255
      image = ((pixels / 255 - mean) / deviation).astype("float32")
      [logits] = session.run(["logits"], {"image": image})
      print("classes:", logits.argmax(axis=1))
      """
  }
}
