/// One of a strategy's settings: how a search file says it, and where it goes.
public struct SettingField<Settings>: Sendable {
  /// Where a value goes.
  typealias Path<Value> = any WritableKeyPath<Settings, Value> & Sendable

  /// Its key in search files.
  public let key: String

  /// Reads the value, if the file gives one.
  let read: @Sendable (Form?, inout Settings, inout FormReader) -> Void

  /// Writes the value as it is read.
  let text: @Sendable (Settings) -> String

  /// How many images of the hold-out the setting asks for, if it does.
  var images: (@Sendable (Settings) -> Int)?

  /// Whether a plan that is written out leaves it out: where it is younger than some studies that go
  /// on, and says what they do anyway.
  var isImplied: @Sendable (Settings) -> Bool = { _ in false }

  /// A whole number.
  static func integer(
    _ key: String, _ path: Path<Int>,
    _ range: ClosedRange<Int>
  ) -> SettingField {
    SettingField(
      key: key, read: { $2.integer($0, range, into: &$1[keyPath: path]) },
      text: { "\($0[keyPath: path])" })
  }

  /// How many images of the hold-out candidates are scored on.
  static func images(_ path: Path<Int>) -> SettingField {
    var field = integer("images", path, 1...Int.max)
    field.images = { $0[keyPath: path] }
    return field
  }

  /// A decimal number.
  static func decimal(
    _ key: String, _ path: Path<Double>, _ interval: Interval, impliedAt implied: Double? = nil
  ) -> SettingField {
    var field = SettingField(
      key: key, read: { $2.decimal($0, interval, into: &$1[keyPath: path]) },
      text: { "\($0[keyPath: path])" })
    field.isImplied = { $0[keyPath: path] == implied }
    return field
  }

  /// `true` or `false`.
  static func flag(
    _ key: String, _ path: Path<Bool>
  ) -> SettingField {
    SettingField(
      key: key, read: { $2.flag($0, into: &$1[keyPath: path]) },
      text: { "\($0[keyPath: path])" })
  }

  /// Some of a few words, at least one, none twice.
  static func words<Word: RawRepresentable<String> & CaseIterable & Hashable & Sendable>(
    _ key: String, _ path: Path<[Word]>
  ) -> SettingField {
    SettingField(
      key: key, read: { $2.words($0, into: &$1[keyPath: path]) },
      text: { "[" + $0[keyPath: path].map(\.rawValue).joined(separator: ", ") + "]" })
  }

  /// One of a few words.
  static func word<Word: RawRepresentable<String> & CaseIterable & Sendable>(
    _ key: String, _ path: Path<Word>
  ) -> SettingField {
    SettingField(
      key: key, read: { $2.word($0, into: &$1[keyPath: path]) },
      text: { $0[keyPath: path].rawValue })
  }
}
