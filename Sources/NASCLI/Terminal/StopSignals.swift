import Dispatch
import Foundation
import Synchronization

/// Turns the first Ctrl-C or SIGTERM into a wish to stop, and the second into an end at once.
final class StopSignals {
  private let received = Received()
  private var sources: [any DispatchSourceSignal] = []

  /// The number of the first signal that came, or 0.
  private final class Received: Sendable {
    let number = Atomic<Int32>(0)
  }

  init() {
    // A file that may not grow is then an error to report, not an end without a word.
    signal(SIGXFSZ, SIG_IGN)
    for number in [SIGINT, SIGTERM] {
      // Without this the signal would end the process before the source sees it.
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(
        signal: number, queue: DispatchQueue(label: "nas.signals"))
      source.setEventHandler { [received] in
        let (isFirst, _) = received.number.compareExchange(
          expected: 0, desired: number, ordering: .sequentiallyConsistent)
        if !isFirst { _exit(Self.status(of: number)) }
        printToStandardError(
          "\nnas: stopping as soon as what is under way is stored; once more to stop at once")
      }
      source.resume()
      sources.append(source)
    }
  }

  /// Whether a signal has come.
  var wantStop: Bool { first != 0 }

  /// The exit code of a run that a signal has stopped.
  var exitCode: Int32 { Self.status(of: first) }

  private var first: Int32 { received.number.load(ordering: .sequentiallyConsistent) }

  private static func status(of number: Int32) -> Int32 {
    (number == SIGTERM ? ExitStatus.terminated : .interrupted).rawValue
  }
}
