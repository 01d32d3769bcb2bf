extension Picture {
  /// The pixels that an image of a sheet has at least across, and those between two images.
  private static let tile = 48
  private static let gap = 2

  /// Images of a data set beside each other, a line of them for each class.
  ///
  /// Small images are enlarged by a whole number. Those of a class are the first ones.
  ///
  /// - Parameters:
  ///   - dataset: The data set, whose images have one channel or three.
  ///   - columns: How many images of a class are shown.
  ///   - rows: How many classes are shown at most: the first ones.
  /// - Precondition: The data set has one channel or three.
  package init(sheetOf dataset: ImageDataset, columns: Int = 12, rows: Int = 100) {
    precondition([1, 3].contains(dataset.channels), "\(dataset.channels) channels are no picture")
    let classes = min(rows, dataset.classes)
    var shown = [[Int]](repeating: [], count: classes)
    for (index, label) in dataset.labels.enumerated()
    where label < classes && shown[Int(label)].count < columns {
      shown[Int(label)].append(index)
    }
    let scale = max(1, Self.tile / max(dataset.width, dataset.height))
    let (stepX, stepY) = (dataset.width * scale + Self.gap, dataset.height * scale + Self.gap)
    let width = columns * stepX + Self.gap
    let height = classes * stepY + Self.gap
    var sheet = [UInt8](repeating: 255, count: width * height * 3)
    for (row, images) in shown.enumerated() {
      for (column, image) in images.enumerated() {
        let corner = ((row * stepY + Self.gap) * width + column * stepX + Self.gap) * 3
        for y in 0..<dataset.height * scale {
          for x in 0..<dataset.width * scale {
            let place = (y / scale * dataset.width + x / scale) * dataset.channels
            for channel in 0..<3 {
              sheet[corner + (y * width + x) * 3 + channel] =
                dataset.pixels[image * dataset.imageSize + place + channel % dataset.channels]
            }
          }
        }
      }
    }
    self.init(width: width, height: height, pixels: sheet)
  }
}
