import Foundation
import SearchSpace
import TrialStore

/// A folder of its own for one test, removed with the last reference to it.
final class TemporaryFolder {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path(percentEncoded: false)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// The path of a database in the folder.
  var database: String { path + "/results.sqlite" }

  /// The names of all that is in the folder, sorted.
  var files: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }

  /// Creates a database with one study that this process works on.
  func makeStudy(named name: String = "fashion") throws -> (TrialStore, Study, ActiveRun) {
    let store = try TrialStore.open(path: database, for: .creating)
    let study = try store.createStudy(.sample(named: name))
    return (store, study, try store.beginRun(on: study.id))
  }
}

extension NewStudy {
  static func sample(
    named name: String = "fashion", seed: UInt64 = 1, recipe: String? = nil
  ) -> Self {
    Self(
      name: name, seed: seed, strategy: "autoslim", plan: "study: \(name)\n", planHash: "c0ffee",
      space: #"{"decisions": []}"#, recipeHash: recipe)
  }
}

extension NewTrial {
  static func sample(
    macs: Int = 1000, parameters: Int = 10, latency: Int? = nil, scores: [NewScore] = [],
    outcome: Outcome = .done
  ) -> Self {
    Self(
      architecture: #"{"width": [\#(macs)]}"#, key: "w\(macs)", step: 3, role: "stage2.width",
      macs: macs, parameters: parameters, latency: latency, outcome: outcome, seconds: 0.25,
      scores: scores)
  }
}

extension NewScore {
  static func sample(
    correct: Int = 90, of images: Int = 100, fidelity: Fidelity = .shared, loss: Double = 0.5,
    weights: String = "aa", isTest: Bool = false
  ) -> Self {
    Self(
      fidelity: fidelity, correct: correct, images: images, loss: loss,
      calibration: #"{"batches": 4}"#, weightsHash: weights, imagesHash: isTest ? "7e57" : "da7a",
      isTest: isTest, seconds: 0.125)
  }
}

extension NewScore {
  static func sample(answers: RightAnswers, isKnown: Bool = false) -> Self {
    Self(
      fidelity: .shared, correct: answers.count, images: answers.images, loss: 0.5,
      calibration: #"{"batches": 4}"#, weightsHash: "aa", imagesHash: "da7a",
      seconds: isKnown ? 0 : 0.125, isKnown: isKnown, answers: answers)
  }
}

extension RightAnswers {
  /// Answers to 1000 images, all right but some that follow each other.
  static func sample(wrong: Range<Int>) -> Self {
    var answers = RightAnswers()
    for image in 0..<1000 { answers.append(!wrong.contains(image)) }
    return answers
  }
}

/// Numbers that are the same in every run of a test.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z &>> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z &>> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z &>> 31)
  }
}
