import Datasets
import Foundation
import Study
import Testing

@Suite struct PlanDataTests {
  private let folder = FileManager.default.temporaryDirectory.appending(
    path: "plan-data-\(UUID().uuidString)")

  /// What is wrong with a search of this data.
  private func screen(_ data: String) -> String {
    do {
      _ = try plan(search(["data": data]))
      return "no problem"
    } catch {
      return "\(error)".replacing("searches/fashion.yaml:", with: "")
    }
  }

  @Test func `reads every format by its word`() throws {
    let images = try plan(search(["data": "{format: image-folder, path: x, size: 96}"]))
    #expect(images.data.format == .imageFolder)
    #expect(images.data.size == 96)
    #expect(try plan(search(["data": "{format: cifar-100, path: x}"])).data.format == .cifar100)
    #expect(
      screen("{format: cifar10, path: x}")
        == "2:16: error: data.format must be idx, cifar-10, cifar-100 or image-folder, the only values "
        + "there are, but is 'cifar10'; did you mean 'cifar-10'?")
  }

  @Test func `tells the format by what is there`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let manager = FileManager.default
    try manager.createDirectory(
      at: folder.appending(path: "train/cat"), withIntermediateDirectories: true)
    let data = "{path: \"\(folder.path)\", size: 32}"
    #expect(try plan(search(["data": data])).data.format == .imageFolder)
    try Data().write(to: folder.appending(path: "data_batch_1.bin"))
    #expect(
      screen(data).hasSuffix("error: data.size has no effect with format: cifar-10; remove it"))
    #expect(try plan(search(["data": "{path: \"\(folder.path)\"}"])).data.format == .cifar10)
  }

  @Test func `names the place of what is no data, and leaves what is not there for later`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(screen("{path: \"\(folder.path)\"}") == "no problem")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    #expect(
      screen("{path: \"\(folder.path)\"}")
        == "2:14: error: data.path leads to \(folder.path): no data that is known: there are no IDX "
        + "files, no CIFAR files and no folder named train; correct the path, or name the format.")
  }

  @Test func `asks for a size where images have none of their own, and only there`() {
    #expect(
      screen("{format: image-folder, path: x}")
        == "2:7: error: the key 'size' is missing from data, whose images have sizes of their own; "
        + "add for example 'size: 64'")
    #expect(
      screen("{format: image-folder, path: x, size: 4}")
        == "2:45: error: data.size must be a whole number from 8 to 1024, but is '4'")
    #expect(
      screen("{format: idx, path: x, size: 64}")
        == "2:36: error: data.size has no effect with format: idx; remove it")
  }

  @Test func `takes a resized crop in place of padding`() throws {
    let augment = "augment: {resized-crop: 0.35, cutout: 4}"
    let given = try plan(
      search(["data": "{path: x, \(augment)}", "retrain": "{augment: {flip: false}}"]))
    #expect(given.data.augment.resizedCrop == 0.35)
    #expect(given.data.augment.crop == 0)
    #expect(given.retrain?.augment.resizedCrop == 0.35)
    #expect(given.resolved.contains("{crop: 0, flip: true, cutout: 4, resized-crop: 0.35}\n"))
    #expect(try plan(given.resolved) == given)
    let padded = try plan(
      search(["data": "{path: x, \(augment)}", "retrain": "{augment: {crop: 4}}"]))
    #expect(padded.retrain?.augment.resizedCrop == nil)
    #expect(
      screen("{path: x, augment: {crop: 4, resized-crop: 0.5}}")
        == "2:33: error: data.augment.crop has no effect beside resized-crop; remove one of them")
    #expect(screen("{path: x, augment: {crop: 0, resized-crop: 0.5}}") == "no problem")
    #expect(
      screen("{path: x, augment: {resized-crop: 0}}")
        == "2:41: error: data.augment.resized-crop must be a number above 0 up to 1, but is '0'")
  }
}
