import Foundation
import Testing
import TrialStore

@Suite struct StudyTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  @Test func `comes back as it was created`() throws {
    let instant = Date(timeIntervalSince1970: 1_800_000_000)
    let store = try TrialStore.open(path: folder.database, for: .creating, clock: { instant })
    let name = "'; DROP TABLE trials;-- \u{202E}ü"

    let study = try store.createStudy(.sample(named: name, seed: .max))

    #expect(try store.study(named: name) == study)
    #expect(study.name == name)
    #expect(study.seed == .max)
    #expect(study.plan == "study: \(name)\n")
    #expect(study.stage == .supernet)
    #expect(study.strategyState == nil)
    #expect(study.createdAt == instant)
  }

  @Test func `names the studies there are when there is no such one`() throws {
    let store = try TrialStore.open(path: folder.database, for: .creating)
    for name in ["a", "b"] { _ = try store.createStudy(.sample(named: name)) }

    let error = #expect(throws: StoreError.self) { try store.study(named: "c") }

    #expect(error?.kind == .noSuchStudy(name: "c", known: ["a", "b"]))
    #expect(
      error?.description
        == "\(folder.database): there is no study 'c'; the studies are 'a', 'b'")
  }

  @Test func `a name is taken once, and free again after a renaming`() throws {
    let store = try TrialStore.open(path: folder.database, for: .creating)
    let old = try store.createStudy(.sample(named: "fashion"))
    let error = #expect(throws: StoreError.self) {
      try store.createStudy(.sample(named: "fashion"))
    }
    #expect(error?.kind == .studyExists(name: "fashion"))

    try store.renameStudy(named: "fashion", to: "fashion (2026-11-21 03:04)")
    let fresh = try store.createStudy(.sample(named: "fashion"))

    #expect(fresh.id != old.id)
    #expect(try store.studyNames() == ["fashion (2026-11-21 03:04)", "fashion"])
    let taken = #expect(throws: StoreError.self) {
      try store.renameStudy(named: "fashion", to: "fashion (2026-11-21 03:04)")
    }
    #expect(taken?.kind == .studyExists(name: "fashion (2026-11-21 03:04)"))
  }
}
