public import Datasets

extension Plan {
  /// The images to learn from.
  public struct Data: Hashable, Sendable {
    /// `format`: how they are stored.
    ///
    /// `idx`, `cifar-10`, `cifar-100` or `image-folder`; by default what lies at `path` tells, and it is
    /// `idx` where nothing does.
    public var format = DataFormat.idx

    /// `path`, required: the folder they are in, or the archive of CIFAR, kept as it is written.
    public var path: String

    /// `size`: the side in pixels that images are brought to, 8 to 1024; required for an
    /// `image-folder`, and of no use to the other formats, whose images have a size.
    public var size: Int?

    /// `hold-out`: how many images are taken out of the training set to score candidates with, at
    /// least 1.
    public var holdOut = 5000

    /// `augment`: how the images of a training step are varied.
    public var augment = Augment()

    public init(path: String) {
      self.path = path
    }

    /// Where they are read from.
    var source: DataSource { DataSource(format: format, path: path, side: size ?? 0) }

    mutating func read(_ form: Form?, _ reader: inout FormReader) {
      let keys = reader.mapping(
        form, keys: ["format", "path", "size", "hold-out", "augment"],
        required: ["path": "path: /usr/share/datasets/fashion-mnist"])
      reader.text(
        keys["path"], expecting: "the path of a folder or archive", longest: 4095, into: &path)
      let problems = reader.problems.count
      if let given = keys["format"] {
        reader.word(given, into: &format)
      } else if let place = keys["path"], !path.isEmpty {
        recognizeFormat(place, &reader)
      }
      // Where the format is in doubt, so is whether it needs a size.
      if reader.problems.count == problems { readSize(keys["size"], of: form, &reader) }
      reader.integer(keys["hold-out"], 1...Int.max, into: &holdOut)
      augment.read(keys["augment"], &reader)
    }

    /// Takes the format of what lies at the path, if anything does.
    private mutating func recognizeFormat(_ form: Form, _ reader: inout FormReader) {
      do {
        format = try DataFormat(recognizing: path)
      } catch {
        // That there is nothing may be mended before the file is run.
        if case .missing = error { return }
        reader.report(form.position, "data.path leads to \(error)")
      }
    }

    private mutating func readSize(
      _ given: Form?, of form: Form?, _ reader: inout FormReader
    ) {
      switch (format, given) {
      case (.imageFolder, let given?):
        var side = 64
        reader.integer(given, 8...1024, into: &side)
        size = side
      case (.imageFolder, nil):
        guard let form else { return }
        reader.report(
          form.position,
          "the key 'size' is missing from data, whose images have sizes of their own; add for example "
            + "'size: 64'")
      case (_, let given?):
        reader.report(
          given.position, "data.size has no effect with format: \(format.rawValue); remove it")
      case (_, nil): break
      }
    }
  }

  /// How the images of a training step are varied.
  public struct Augment: Hashable, Sendable {
    /// `crop`: by how many pixels each side is padded before a window of the image's own size is
    /// cut out at random, 0 to 16.
    public var crop = 2

    /// `flip`: whether half of the images, drawn at random, are mirrored left to right.
    public var flip = true

    /// `cutout`: the side of a square that is blanked, in pixels, 0 to 64; 0 blanks nothing.
    public var cutout = 0

    /// `resized-crop`: the least share of its area, above 0 to 1, of the part of an image that is
    /// stretched to its size.
    ///
    /// Which part that is, is drawn at random; it takes the place of `crop`. By default none is.
    public var resizedCrop: Double?

    public init() {}

    mutating func read(_ form: Form?, _ reader: inout FormReader) {
      let keys = reader.mapping(form, keys: ["crop", "flip", "cutout", "resized-crop"])
      if keys["crop"] != nil { resizedCrop = nil }
      reader.integer(keys["crop"], 0...16, into: &crop)
      reader.flag(keys["flip"], into: &flip)
      reader.integer(keys["cutout"], 0...64, into: &cutout)
      guard let given = keys["resized-crop"] else { return }
      var share = 1.0
      reader.decimal(given, .above(0, to: 1), into: &share)
      resizedCrop = share
      if let form = keys["crop"], crop > 0 {
        reader.report(
          form.position, "\(form.path) has no effect beside resized-crop; remove one of them")
      }
      crop = 0
    }

    /// The settings as a search file has them.
    var yaml: String {
      let part = resizedCrop.map { ", resized-crop: \($0)" } ?? ""
      return "{crop: \(crop), flip: \(flip), cutout: \(cutout)\(part)}"
    }
  }
}
