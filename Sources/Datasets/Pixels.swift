/// The bytes of images, in memory or in a file that the system reads as they are asked for.
public struct Pixels: Equatable, Sendable, RandomAccessCollection {
  private let storage: Storage

  private enum Storage: Sendable {
    case memory([UInt8])
    case mapped(MappedFile, Range<Int>)
  }

  /// The bytes of an array.
  init(_ bytes: [UInt8]) { storage = .memory(bytes) }

  /// Some bytes of a file.
  init(of file: MappedFile, _ range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= file.count, "bytes beyond the file")
    storage = .mapped(file, range)
  }

  public var startIndex: Int { 0 }

  public var endIndex: Int {
    switch storage {
    case .memory(let bytes): bytes.count
    case .mapped(_, let range): range.count
    }
  }

  /// Whether the bytes are read from a file as they are asked for, so that they take no memory that
  /// the system could not have back.
  public var areMapped: Bool {
    if case .mapped = storage { true } else { false }
  }

  public subscript(index: Int) -> UInt8 {
    withSpan(of: index..<index + 1) { $0[0] }
  }

  public static func == (left: Pixels, right: Pixels) -> Bool { left.elementsEqual(right) }

  /// Gives some of the bytes to a closure.
  ///
  /// - Precondition: They lie within.
  func withSpan<Result>(of part: Range<Int>, _ body: (Span<UInt8>) -> Result) -> Result {
    switch storage {
    case .memory(let bytes): body(bytes.span.extracting(part))
    case .mapped(let file, let range):
      file.withSpan { body($0.extracting(range).extracting(part)) }
    }
  }

  /// Gives all of the bytes to a closure.
  func withSpan<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
    withSpan(of: 0..<count, body)
  }
}
