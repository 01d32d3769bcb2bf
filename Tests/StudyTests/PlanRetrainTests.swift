import Networks
import SearchSpace
import Strategies
import Study
import Testing

@Suite struct PlanRetrainTests {
  @Test func `retrains nothing unless asked, and by default for twenty epochs`() throws {
    #expect(try plan(search()).retrain == nil)
    let retrain = try #require(try plan(search(["retrain": "{}"])).retrain)
    #expect(retrain == Plan.Retrain())
    #expect(retrain.epochs == .count(20))
    #expect(retrain.batch == 128)
    #expect(retrain.optimizer.weightDecay == 5e-4)
    #expect(retrain.optimizer.schedule == .cosine)
    #expect(retrain.averaging == nil && retrain.distill == nil)
    #expect(retrain.from == .scratch)
  }

  @Test func `reads every key, and takes the data's augmentation where it gives none`() throws {
    let retrain = try #require(
      try plan(
        search([
          "data": "{path: images, augment: {crop: 3, flip: false}}",
          "retrain": """
          {epochs: {match: 30}, batch: 64, label-smoothing: 0.1, augment: {cutout: 4}, ema: 0.99, \
          distill: {temperature: 2}, from: inherited, precision: bfloat16, \
          optimizer: {lr: 0.05, schedule: step, milestones: [40%, 80%], warm-up: 2.5%}}
          """,
        ])
      ).retrain)
    #expect(retrain.epochs == .match(30))
    #expect(retrain.batch == 64)
    #expect(retrain.labelSmoothing == 0.1)
    #expect(retrain.augment.crop == 3 && !retrain.augment.flip && retrain.augment.cutout == 4)
    #expect(retrain.averaging == 0.99)
    #expect(retrain.distill?.alpha == 0.9 && retrain.distill?.temperature == 2)
    #expect(retrain.from == .inherited && retrain.precision == .bfloat16)
    #expect(retrain.optimizer.rate == 0.05 && retrain.optimizer.weightDecay == 5e-4)
    #expect(retrain.optimizer.schedule == .step)
    #expect(retrain.optimizer.milestones == [0.4, 0.8])
    #expect(retrain.optimizer.warmUp == 0.025)
  }

  @Test(arguments: [
    "{}", "{epochs: match}", "{epochs: 3, distill: true, ema: 0.5}",
    "{optimizer: {schedule: step, warm-up: 0.0001%}}",
    "{optimizer: {schedule: step, milestones: []}, augment: {crop: 16}}",
    "{from: inherited, distill: {alpha: 0}}", "{pretrained: 'my weights/a.safetensors'}",
  ])
  func `is written so that it reads back as it was`(text: String) throws {
    let retraining = try plan(search(["retrain": text]))
    let again = try Plan(retraining.resolved.utf8, file: "fashion.yaml")
    #expect(again == retraining)
    #expect(again.fingerprint == retraining.fingerprint)
    #expect(try plan(search()).fingerprint != retraining.fingerprint)
  }

  @Test(arguments: [
    (
      "{from: scratch, pretrained: a.safetensors}",
      "pretrained says what to begin with; leave out from or pretrained"
    ),
    ("{epochs: 0}", "retrain.epochs must be a whole number from 1 to 100000, match or"),
    ("{epochs: {match: 0}}", "retrain.epochs.match must be a whole number from 1 to 100000"),
    ("{epochs: mach}", "but is 'mach'"),
    ("{batch: 4097}", "retrain.batch must be"),
    ("{label-smoothing: 1}", "retrain.label-smoothing must be a number from 0 to below 1"),
    ("{ema: 1}", "retrain.ema must be a number above 0 to below 1, such as 0.999, or false"),
    ("{ema: true}", "retrain.ema must be"),
    ("{distill: yes}", "retrain.distill must be true or false, but is 'yes'; write true"),
    ("{distill: {alpa: 1}}", "did you mean 'alpha'"),
    ("{distill: {temperature: 0}}", "retrain.distill.temperature must be a number above 0"),
    ("{from: supernet}", "retrain.from must be scratch or inherited"),
    ("{optimizer: {warm-up: 100%}}", "retrain.optimizer.warm-up must be a share"),
    ("{optimizer: {milestones: [50%]}}", "milestones go with 'schedule: step', not cosine"),
    (
      "{optimizer: {schedule: step, milestones: [50%, 50%]}}",
      "milestones come in their order"
    ),
    ("[]", "retrain must be a mapping"),
  ])
  func `says what is wrong`(text: String, message: String) throws {
    let error = #expect(throws: PlanError.self) { try plan(search(["retrain": text])) }
    #expect(error?.problems.count == 1)
    #expect(error?.problems.first?.message.contains(message) == true, "\(error?.description ?? "")")
  }

  @Test func `inherits only where there is something to inherit`() throws {
    let error = #expect(throws: PlanError.self) {
      try plan(search(["retrain": "{from: inherited}", "strategy": "largest"]))
    }
    #expect(error?.problems.first?.message.contains("largest trains no supernet") == true)
  }

  // MARK: - Training files

  @Test func `a training file names data, space and recipe, and nothing else`() throws {
    let text = "data: {path: images}\nspace: {network: resnet-20}\nretrain: {epochs: 3}\n"
    let plan = try Plan(text.utf8, file: "folder/resnet.yaml", for: .training)
    #expect(plan.study == "resnet")
    #expect(plan.retrain?.epochs == .count(3))
    #expect(plan.strategy == Plan.Strategy(LargestNetwork.self))
    // As a study keeps it, it is a search of no choice.
    #expect(try Plan(plan.resolved.utf8, file: "again.yaml") == plan)
    #expect(
      try Plan("data: {path: images}\nspace: {network: vgg-16}".utf8, file: "a", for: .training)
        .retrain == Plan.Retrain())

    let error = #expect(throws: PlanError.self) {
      try Plan((text + "budgets: [{macs: 1M}]\nseed: x\n").utf8, file: "a.yaml", for: .training)
    }
    #expect(error?.problems.map(\.line) == [4, 5])
    let empty = #expect(throws: PlanError.self) {
      try Plan("seed: 1".utf8, file: "a.yaml", for: .training)
    }
    #expect(empty?.problems.count == 2)
  }
}
