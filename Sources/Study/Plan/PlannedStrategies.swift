public import Strategies

// What a search file can set about each strategy. The settings themselves are told of where each
// strategy is.

extension AutoSlim: PlannedStrategy {
  public static let key = "autoslim"
  public static let defaults = Settings()
  public static let fields: [SettingField<Settings>] = [.images(\.images)]
}

extension RandomSearch: PlannedStrategy {
  public static let key = "random"
  public static let defaults = Settings()
  public static let fields: [SettingField<Settings>] = [
    .integer("trials", \.trials, 1...Int.max), .images(\.images),
  ]
}

extension LargestNetwork: PlannedStrategy {
  public static let key = "largest"
  public static let defaults = Settings()
  public static let fields: [SettingField<Settings>] = []
}
