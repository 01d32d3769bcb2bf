import Foundation
import Networks
import SearchSpace

extension StudyMaterial {
  /// The weights for the space's supernet that a file holds.
  ///
  /// - Parameter path: The file, as the plan names it; `nil` if it names none.
  /// - Returns: The weights; `nil` without a file.
  /// - Throws: ``UnreadableFileError`` if the file cannot be read, ``StudyError/badWeights(path:reason:)``
  ///   if it is not of the supernet's arrays.
  func pretrainedWeights(at path: String?) throws -> PretrainedWeights? {
    guard let path else { return nil }
    let bytes: [UInt8]
    do {
      bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw UnreadableFileError(path: path, error: error)
    }
    let layers = space.supernetLayers
    do {
      return try PretrainedWeights(
        Safetensors(decoding: bytes), for: layers,
        named: ParameterNames(of: layers, family: space.name))
    } catch let error as SafetensorsError {
      throw StudyError.badWeights(path: path, reason: "\(error)")
    } catch let error as WeightsError {
      throw StudyError.badWeights(
        path: path,
        reason: error.problems.count == 1
          ? error.problems[0] : "\n  " + error.problems.joined(separator: "\n  "))
    }
  }
}
