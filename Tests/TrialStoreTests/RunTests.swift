import Foundation
import Synchronization
import Testing
import TrialStore

@Suite struct RunTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  @Test func `one process works on a study, and others learn which`() throws {
    let (_, study, run) = try folder.makeStudy()
    let other = try TrialStore.open(path: folder.database, for: .writing)

    let error = #expect(throws: StoreError.self) { try other.beginRun(on: study.id) }

    guard case .locked(let process, let host) = error?.kind else {
      Issue.record("not locked but \(String(describing: error))")
      return
    }
    #expect(process == ProcessInfo.processInfo.processIdentifier)
    #expect(host?.isEmpty == false)
    withExtendedLifetime(run) {}
  }

  @Test func `two studies are worked on side by side`() throws {
    let (store, _, run) = try folder.makeStudy(named: "a")
    let other = try TrialStore.open(path: folder.database, for: .writing)
    let study = try other.createStudy(.sample(named: "b"))
    let otherRun = try other.beginRun(on: study.id)
    #expect(try store.commit(StudyUpdate(trials: [.sample()]), in: run) == 1..<2)
    #expect(try other.commit(StudyUpdate(trials: [.sample()]), in: otherRun) == 1..<2)
  }

  @Test func `of many that start at once on nothing, one gets to work`() throws {
    let path = folder.database
    let outcomes = Mutex<(runs: [ActiveRun], errors: [StoreError.Kind])>(([], []))
    DispatchQueue.concurrentPerform(iterations: 12) { _ in
      do throws(StoreError) {
        let store = try TrialStore.open(path: path, for: .creating)
        do throws(StoreError) { _ = try store.createStudy(.sample()) } catch {
          guard error.kind == .studyExists(name: "fashion") else { throw error }
        }
        let run = try store.beginRun(on: try store.study(named: "fashion").id)
        outcomes.withLock { $0.runs.append(run) }
      } catch {
        outcomes.withLock { $0.errors.append(error.kind) }
      }
    }
    outcomes.withLock { outcomes in
      #expect(outcomes.runs.count == 1)
      #expect(outcomes.errors.count == 11)
      for kind in outcomes.errors {
        guard case .locked = kind else {
          Issue.record("not locked but \(kind)")
          continue
        }
      }
    }
  }

  @Test func `an ended run frees its study and writes no more`() throws {
    let (store, study, run) = try folder.makeStudy()
    try store.endRun(run, as: .stopped)
    let other = try TrialStore.open(path: folder.database, for: .writing)
    let next = try other.beginRun(on: study.id)

    let error = #expect(throws: StoreError.self) {
      try store.commit(StudyUpdate(trials: [.sample()]), in: run)
    }

    guard case .ownershipLost = error?.kind else {
      Issue.record("not lost but \(String(describing: error))")
      return
    }
    #expect(try other.commit(StudyUpdate(trials: [.sample()]), in: next) == 1..<2)
    #expect(try other.runs(of: study.id).map(\.ending) == [.stopped, nil])
  }

  @Test func `a run whose lock file was deleted under it writes no more`() throws {
    let (store, study, run) = try folder.makeStudy()
    try FileManager.default.removeItem(atPath: folder.database + "-lock")
    let other = try TrialStore.open(path: folder.database, for: .writing)
    let next = try other.beginRun(on: study.id)

    #expect(throws: StoreError.self) { try store.commit(StudyUpdate(), in: run) }
    #expect(throws: StoreError.self) { try store.endRun(run, as: .done) }
    try other.commit(StudyUpdate(), in: next)
  }

  @Test func `a killed process frees its study and leaves whole updates`() async throws {
    let path = folder.database
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
      // The clock is read for every row, so it can pull the plug in the middle of the sixth update.
      let rows = Counter()
      let store = try TrialStore.open(path: path, for: .creating) {
        if rows.next() == 2 + 5 * 8 + 4 { kill(getpid(), SIGKILL) }
        return Date()
      }
      let study = try store.createStudy(.sample())
      let run = try store.beginRun(on: study.id)
      for step in 1... {
        let trials = (0..<4).map { NewTrial.sample(macs: $0, scores: [.sample()]) }
        try store.commit(StudyUpdate(trials: trials, strategyState: "\(step)"), in: run)
      }
    }

    let reader = try TrialStore.open(path: path, for: .reading)
    #expect(try reader.studies().map(\.strategyState) == ["5"])
    try reader.close()
    let store = try TrialStore.open(path: path, for: .writing)
    let study = try store.study(named: "fashion")
    #expect(try store.trialCount(of: study.id) == 20)
    let run = try store.beginRun(on: study.id)
    #expect(try store.commit(StudyUpdate(trials: [.sample()]), in: run) == 21..<22)
  }
}

/// Counts calls from any thread.
final class Counter: Sendable {
  private let count = Mutex(0)

  func next() -> Int {
    count.withLock { count in
      count += 1
      return count
    }
  }
}
