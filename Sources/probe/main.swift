import Datasets
import Evaluator
import Kernels
import Networks
import SearchSpace
import Strategies

let clock = ContinuousClock()
func seconds(_ d: Duration) -> Double { Double(d.components.seconds) + Double(d.components.attoseconds) * 1e-18 }
let arguments = CommandLine.arguments
let family = arguments[1]
let scale = Double(arguments[2])!
let epochs = Int(arguments[3])!
let lr = Double(arguments[4])!
let strides = arguments[5] == "-" ? nil : arguments[5].split(separator: ",").map { Int($0)! }
let minDepth = Int(arguments[6])!
let groups = Int(arguments[7])!
let divisor = Int(arguments[8])!
let limit = Int(arguments[9])!
let images = Int(arguments[10])!
let calibration = Int(arguments[11])!

let dataset = try ImageDataset(idxFolder: ImageDataset.fashionMNISTFolder)
let study = try StudyImages(dataset, holdOut: 5000, augmentation: Augmentation(crop: 2, flip: true), seed: 1)
var settings = Family.Settings()
settings.width = WidthRule(scale: scale, groups: groups, divisor: divisor)
settings.smallestDepth = minDepth == 0 ? nil : minDepth
settings.strides = strides
let space = try Family(family).space(input: study.shape, classes: 10, settings: settings)
let largest = space.network(of: space.largest).cost
print("\(space), \(space.decisions.count) decisions, \(largest), smallest \(space.network(of: space.smallest).cost)")
var training = Supernet.Settings()
training.epochs = epochs
training.optimizer.rate = lr
let supernet = try Supernet(space: space, images: study, settings: training, engine: Engine())
let start = clock.now
var lossSum = 0.0
while !supernet.isTrained && supernet.step < limit {
  let before = clock.now
  let losses = try supernet.trainStep()
  lossSum += losses.largest
  if supernet.step % 50 == 0 {
    print("step \(supernet.step)/\(supernet.stepCount) loss \(lossSum / 50) small \(losses.smallest) \(seconds(clock.now - before))s elapsed \(seconds(clock.now - start)) MB \(supernet.peakActivationBytes >> 20)")
    lossSum = 0
  }
}
print("trained in \(seconds(clock.now - start))")
let full = ScoringRecipe(images: 5000, calibration: 2048)
for (name, a) in [("largest", space.largest), ("smallest", space.smallest)] {
  let t = clock.now
  let s = try supernet.score([a], with: full)[0]
  print(name, s.accuracy, s.loss, seconds(clock.now - t), "s")
}
let budgets = [Budget(.macs, atMost: largest.macs * 6 / 10), Budget(.macs, atMost: largest.macs * 4 / 10), Budget(.macs, atMost: largest.macs / 4)]
var slim = try AutoSlim(space: space, budgets: budgets, images: images)
var generator = SeededGenerator(seed: 1)
let searchStart = clock.now
var candidates = 0
while let question = slim.ask(in: space, using: &generator) {
  let t = clock.now
  let scores = try supernet.score(question.candidates.map(\.architecture), with: ScoringRecipe(images: question.images, calibration: calibration))
  let chosen = try slim.tell(scores, in: space)
  candidates += scores.count
  let c = question.candidates[chosen[0]]
  print(c.role, space.network(of: c.architecture).cost.macs, scores[chosen[0]].accuracy, seconds(clock.now - t) / Double(scores.count), "s/candidate of", scores.count)
}
print("search \(seconds(clock.now - searchStart)) s, \(candidates) candidates")
for f in slim.finalists {
  let s = try supernet.score([f.architecture], with: full)[0]
  print(f.budget, space.network(of: f.architecture).cost, s.accuracy, space.key(of: f.architecture))
}
