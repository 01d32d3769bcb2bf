import Foundation
import SearchSpace
import Study
import TrialStore

/// Tells on standard error how a run goes.
///
/// On a terminal it is one line that changes, elsewhere a new line every half minute.
final class ProgressLine {
  private let isQuiet: Bool
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let clock = ContinuousClock()
  private var lastWritten: ContinuousClock.Instant?
  private var hasOpenLine = false

  init(isQuiet: Bool) {
    self.isQuiet = isQuiet
  }

  /// Shows what has happened.
  func show(_ event: StudyEvent) {
    switch event {
    case .began(let study, let beginning): note(beginning.sentence(about: study))
    case .measuringLatency(let layers, let networks, let progress, let left):
      update(
        "latency   \(layers) layers, \(networks) networks  (\(percent(progress, decimals: 0)))"
          + timeLeft(left))
    case .measuredLatency(let table): note("latency   \(table.summary)")
    case .decoding(let path, let done, let count):
      update("images    \(done)/\(count) of \(path) decoded")
    case .skipped(let count, let example, let path):
      note(
        "left out  \(count) \(count == 1 ? "image" : "images") of \(path) that cannot be read, such as "
          + example)
    case .trained(let name, let seconds, let waiting):
      note(
        "trained   \(name) in \(duration(seconds)), of which "
          + "\(percent(waiting, decimals: 1)) waiting for images")
    case .tookSupernet(let study): note("takes the supernet that study '\(study)' trained")
    case .tookTeacher(let study): note("takes the teacher that study '\(study)' trained")
    case .warmStarted(let scores): note("begins with \(scores) scores that are known")
    case .training(let step, let count, let loss, let left):
      update(
        "supernet  step \(step)/\(count) (\(percent(Double(step) / Double(count), decimals: 0)))"
          + "  loss \(String(format: "%.3f", loss))" + timeLeft(left))
    case .probingRanks(let network, let count):
      update("ranks     network \(network) of \(count), trained a little on its own")
    case .rankAgreement(let agreement): note(rankSentence(agreement))
    case .searching(let trials, let rate, let progress, let left):
      update(
        "search    \(trials) trials  \(String(format: "%.1f", rate)) a second"
          + "  (\(percent(progress, decimals: 0)))" + timeLeft(left))
    case .learningGates(let loss, let progress, let left):
      update(
        "gates     \(percent(progress, decimals: 0))  loss \(String(format: "%.3f", loss))"
          + timeLeft(left))
    case .found(let trial, let budget, let cost):
      let below = 1 - Double(cost) / Double(max(1, budget.limit))
      note(
        "trial \(trial) for \(budget): \(budget.metric.text(of: cost)), "
          + "\(percent(below, decimals: 1)) below")
    case .scoringFinalists(let count):
      note("finalists \(count) networks on the whole hold-out")
    case .retraining(let network, let index, let all, let step, let count, let loss, let left):
      update(
        "retrain   \(network) (\(index) of \(all))  step \(step)/\(count)"
          + " (\(percent(Double(step) / Double(count), decimals: 0)))"
          + "  loss \(String(format: "%.3f", loss))" + timeLeft(left))
    case .retrained(let network, let accuracy?, let test):
      note(
        "retrained \(network)  \(percent(accuracy)) of the hold-out, "
          + (test.map { "\(percent($0)) of the test set" } ?? "there is no test set"))
    case .retrained(let network, nil, _):
      note(
        "retrained \(network)  came to nothing: its loss is no number; lower retrain.optimizer.lr")
    }
  }

  /// Writes a line that stays.
  func note(_ line: String) {
    guard !isQuiet else { return }
    finish()
    printToStandardError(line)
  }

  /// Ends the line that changes, if there is one.
  func finish() {
    guard hasOpenLine else { return }
    printToStandardError("")
    hasOpenLine = false
  }

  private func update(_ line: String) {
    guard !isQuiet else { return }
    let interval: Duration = isTerminal ? .milliseconds(100) : .seconds(30)
    if let lastWritten, clock.now - lastWritten < interval { return }
    lastWritten = clock.now
    if isTerminal {
      // Return to the start of the line and clear it.
      try? FileHandle.standardError.write(contentsOf: Data("\r\u{1b}[2K\(line)".utf8))
      hasOpenLine = true
    } else {
      printToStandardError(line)
    }
  }

  private func timeLeft(_ seconds: Double?) -> String {
    seconds.map { "  \(duration($0)) left" } ?? ""
  }
}

extension StudyEvent.Beginning {
  fileprivate func sentence(about study: String) -> String {
    switch self {
    case .new: "study '\(study)' begins"
    case .training(let step): "study '\(study)' goes on from step \(step) of the supernet"
    case .searching(let trials): "study '\(study)' goes on after \(trials) trials"
    case .done: "study '\(study)' is done already; --fresh begins it anew"
    }
  }
}
