// swift-tools-version: 6.3

import PackageDescription

/// Every Swift target in the package is compiled with these settings.
let houseSettings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),  // SE-0335
  .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
  .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),  // SE-0461
  .treatAllWarnings(as: .error),  // SE-0480
]

let package = Package(
  name: "nas",
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // Search
    .target(name: "SearchSpace", swiftSettings: houseSettings),

    // Results
    .target(
      name: "TrialStore",
      dependencies: [.product(name: "GRDB", package: "GRDB.swift")],
      swiftSettings: houseSettings),

    // Tests
    .testTarget(
      name: "TrialStoreTests",
      dependencies: ["TrialStore", .product(name: "GRDB", package: "GRDB.swift")],
      swiftSettings: houseSettings),
  ]
)
