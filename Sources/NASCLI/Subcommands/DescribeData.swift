import ArgumentParser
import Study

extension NAS {
  struct DescribeData: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "data",
      abstract: "Tell what a data set holds, and whether it can be read.",
      discussion: """
        PATH is a folder of IDX files, of CIFAR's binary files or of a folder for each class, or \
        CIFAR's archive. Images of a folder are decoded, brought to one size and kept, as 'nas run' \
        does it.
        """)

    @Argument(help: "The folder or archive.")
    var path: String

    @Option(help: "idx, cifar-10, cifar-100 or image-folder; by default what is there tells.")
    var format: String?

    @Option(help: "The side in pixels that images of a folder are brought to.")
    var size = 64

    @Option(help: "Write a picture of some images, a line for each class, to this PNG file.")
    var sheet: String?

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Tell nothing about the progress.")
    var quiet = false

    func validate() throws {
      guard 8...1024 ~= size else { throw ValidationError("--size takes a number from 8 to 1024.") }
    }

    func run() throws {
      try reportingErrors {
        let progress = ProgressLine(isQuiet: quiet)
        defer { progress.finish() }
        let description = try DataDescription(of: path, format: format, size: size) {
          progress.show($0)
        }
        progress.finish()
        if let sheet { try write(description.sheet, to: sheet) }
        if json { try printJSON(description) } else { print(DataView(data: description).text) }
      }
    }
  }
}
