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
  products: [.executable(name: "nas", targets: ["NASCLI"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-numerics", from: "1.1.1"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // System libraries
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(
      name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
    .systemLibrary(name: "CSPNG", pkgConfig: "spng", providers: [.apt(["libspng-dev"])]),

    // C
    .target(name: "COneDNN", linkerSettings: [.linkedLibrary("dnnl")]),
    .target(name: "CKernels", linkerSettings: [.linkedLibrary("gomp"), .linkedLibrary("m")]),

    // Numerics
    .target(
      name: "Kernels", dependencies: ["CKernels", "COneDNN", "COpenBLAS"],
      swiftSettings: houseSettings + [.strictMemorySafety()]),

    // Search
    .target(name: "SearchSpace", swiftSettings: houseSettings),
    .target(
      name: "LinearAlgebra",
      dependencies: ["COpenBLAS", .product(name: "RealModule", package: "swift-numerics")],
      swiftSettings: houseSettings + [.strictMemorySafety()]),
    .target(
      name: "Strategies",
      dependencies: [
        "LinearAlgebra", "SearchSpace",
        .product(name: "HeapModule", package: "swift-collections"),
        .product(name: "RealModule", package: "swift-numerics"),
      ],
      swiftSettings: houseSettings),

    // Training
    .target(
      name: "Networks",
      dependencies: [
        "Kernels", "SearchSpace", .product(name: "RealModule", package: "swift-numerics"),
      ],
      swiftSettings: houseSettings),
    .target(
      name: "Datasets", dependencies: ["CSPNG", "CTurboJPEG", "CZlib", "SearchSpace"],
      swiftSettings: houseSettings + [.strictMemorySafety()]),
    .target(
      name: "Evaluator", dependencies: ["Datasets", "Kernels", "Networks", "SearchSpace"],
      swiftSettings: houseSettings),

    // Results
    .target(
      name: "TrialStore",
      dependencies: ["SearchSpace", .product(name: "GRDB", package: "GRDB.swift")],
      swiftSettings: houseSettings),

    .target(
      name: "Export",
      dependencies: [
        "Kernels", "Networks", "SearchSpace", "Yams", .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      exclude: ["ONNX/onnx.proto", "Tables/tensorboard.proto"], swiftSettings: houseSettings),

    .target(
      name: "Study",
      dependencies: [
        "Datasets", "Evaluator", "Export", "Kernels", "Networks", "SearchSpace", "Strategies",
        "TrialStore", "Yams", .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: houseSettings),

    // Command line
    .executableTarget(
      name: "NASCLI",
      dependencies: [
        "Export", "SearchSpace", "Study", "TrialStore",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: houseSettings),

    // Tests
    .target(
      name: "TestSupport", dependencies: ["SearchSpace"], path: "Tests/TestSupport",
      swiftSettings: houseSettings),
    .testTarget(
      name: "KernelsTests", dependencies: ["Kernels", "TestSupport"],
      swiftSettings: houseSettings),
    .testTarget(
      name: "SearchSpaceTests", dependencies: ["SearchSpace", "TestSupport"],
      exclude: ["Published"], swiftSettings: houseSettings),
    .testTarget(
      name: "StrategiesTests",
      dependencies: [
        "LinearAlgebra", "SearchSpace", "Strategies", "TestSupport",
        .product(name: "RealModule", package: "swift-numerics"),
      ],
      swiftSettings: houseSettings),
    .testTarget(
      name: "LinearAlgebraTests",
      dependencies: ["LinearAlgebra", .product(name: "RealModule", package: "swift-numerics")],
      swiftSettings: houseSettings),
    .testTarget(
      name: "NetworksTests", dependencies: ["Kernels", "Networks", "SearchSpace", "TestSupport"],
      swiftSettings: houseSettings),
    .testTarget(
      name: "DatasetsTests",
      dependencies: ["CSPNG", "CTurboJPEG", "CZlib", "Datasets", "SearchSpace"],
      swiftSettings: houseSettings),
    .testTarget(
      name: "EvaluatorTests",
      dependencies: ["Datasets", "Evaluator", "Kernels", "Networks", "SearchSpace", "TestSupport"],
      swiftSettings: houseSettings),
    .testTarget(
      name: "TrialStoreTests",
      dependencies: ["SearchSpace", "TrialStore", .product(name: "GRDB", package: "GRDB.swift")],
      swiftSettings: houseSettings),
    .testTarget(
      name: "StudyTests",
      dependencies: [
        "Datasets", "Evaluator", "Export", "Kernels", "Networks", "SearchSpace", "Strategies",
        "Study",
        "TestSupport", "TrialStore",
      ],
      swiftSettings: houseSettings),
    .testTarget(
      name: "NASCLITests",
      dependencies: [
        "Datasets", "NASCLI", "Networks", "SearchSpace", "TestSupport", "TrialStore",
        .product(name: "GRDB", package: "GRDB.swift"),
      ],
      swiftSettings: houseSettings),
    .testTarget(
      name: "ExportTests",
      dependencies: [
        "Export", "Kernels", "Networks", "SearchSpace", "TestSupport",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      swiftSettings: houseSettings),
  ]
)
