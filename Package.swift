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
    .package(url: "https://github.com/apple/swift-numerics", from: "1.1.1"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // System libraries
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),

    // C
    .target(name: "COneDNN", linkerSettings: [.linkedLibrary("dnnl")]),
    .target(name: "CKernels", linkerSettings: [.linkedLibrary("gomp"), .linkedLibrary("m")]),

    // Numerics
    .target(
      name: "Kernels", dependencies: ["CKernels", "COneDNN", "COpenBLAS"],
      swiftSettings: houseSettings + [.strictMemorySafety()]),

    // Search
    .target(name: "SearchSpace", swiftSettings: houseSettings),
    .target(name: "Strategies", dependencies: ["SearchSpace"], swiftSettings: houseSettings),

    // Training
    .target(
      name: "Networks",
      dependencies: [
        "Kernels", "SearchSpace", .product(name: "RealModule", package: "swift-numerics"),
      ],
      swiftSettings: houseSettings),

    // Studies
    .target(
      name: "Study",
      dependencies: [
        "Networks", "SearchSpace", "Strategies", .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: houseSettings),

    // Tests
    .target(
      name: "TestSupport", dependencies: ["SearchSpace"], path: "Tests/TestSupport",
      swiftSettings: houseSettings),
    .testTarget(
      name: "SearchSpaceTests", dependencies: ["SearchSpace"], swiftSettings: houseSettings),
    .testTarget(
      name: "StrategiesTests", dependencies: ["SearchSpace", "Strategies"],
      swiftSettings: houseSettings),
    .testTarget(
      name: "NetworksTests", dependencies: ["Kernels", "Networks", "SearchSpace", "TestSupport"],
      swiftSettings: houseSettings),
    .testTarget(
      name: "KernelsTests", dependencies: ["Kernels", "TestSupport"],
      swiftSettings: houseSettings),
    .testTarget(
      name: "StudyTests", dependencies: ["Networks", "SearchSpace", "Strategies", "Study"],
      swiftSettings: houseSettings),
  ]
)
