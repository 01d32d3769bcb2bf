import Datasets
import Evaluator
import Kernels
import Networks
import SearchSpace
import Strategies
public import TrialStore

extension StudyRunner {
  /// Trains the networks of some trials on their own, whatever the study has come to.
  ///
  /// The recipe is the plan's: one for all retrained networks of a study, so that they can be
  /// compared. What was retrained before is not trained again.
  ///
  /// - Parameters:
  ///   - numbers: The numbers of the trials.
  ///   - study: The study, whose plan is this runner's.
  /// - Returns: ``Run/Ending/done`` or ``Run/Ending/stopped``.
  /// - Throws: Whatever stops the work; what was committed stays.
  public func retrain(trials numbers: [Int], of study: Study) throws -> Run.Ending {
    guard study.space == material.description else {
      throw StudyError.materialChanged(study: study.name)
    }
    let trials = try numbers.map { try store.trial($0, of: study.id) }
    return try working(on: study) { run in
      try retrain(trials, of: study, in: run) ? .done : .stopped
    }
  }

  /// Trains the networks that were picked on their own, and ends the study.
  ///
  /// - Parameters:
  ///   - study: The study.
  ///   - fresh: Whether no other study's teacher may be taken over.
  ///   - run: The run.
  /// - Returns: Whether that came to its end.
  /// - Throws: Whatever stops the work; what was committed stays.
  func retrainFinalists(of study: Study, fresh: Bool, in run: ActiveRun) throws -> Bool {
    let picked = Set(try store.finalists(of: study.id).map(\.trial))
    let trials = try store.trials(of: study.id).filter { picked.contains($0.number) }
    guard try retrain(trials, of: study, fresh: fresh, in: run) else { return false }
    try store.commit(StudyUpdate(stage: .done), in: run)
    return true
  }

  /// Trains networks one after the other, the cheapest first but for the teacher.
  ///
  /// - Returns: Whether all came to their end; else a checkpoint was written.
  private func retrain(
    _ trials: [Trial], of study: Study, fresh: Bool = false, in run: ActiveRun
  ) throws -> Bool {
    let jobs = try retrainings(of: trials, study)
    for (index, job) in jobs.enumerated() {
      if !fresh, job.trial == nil, try takeTeacher(trainedBy: job.recipe, for: study, in: run) {
        continue
      }
      let training = try NetworkTraining(
        of: job.network, on: material.images, by: job.recipe, from: start(of: job, study),
        taughtBy: job.recipe.distillation == nil
          ? nil : store.retrainedNetwork(material.largestNetwork, named: Retraining.teacher, study),
        engine: engine)
      let checkpoint = try TrainingCheckpoint(
        named: job.name, restoring: training, of: study, from: store)
      let later = jobs[(index + 1)...].reduce(0) { $0 + $1.work }
      do {
        let isComplete = try train(training, from: checkpoint, in: run) { progress in
          let stepsLeft = Double(progress.count - progress.step)
          let stepsLater = later / job.work * Double(progress.count)
          report(
            .retraining(
              network: job.name, index: index + 1, of: jobs.count, step: progress.step,
              count: progress.count, loss: progress.loss,
              secondsLeft: (stepsLeft + stepsLater) * progress.secondsPerStep))
        }
        guard isComplete else { return false }
      } catch StudyError.diverged where job.trial != nil {
        try recordDivergence(of: job, after: training.step, in: run)
        continue
      }
      try score(training, of: job, in: run)
    }
    return true
  }

  // MARK: - What is to be trained

  /// The trainings that were not finished before; that of the teacher first.
  private func retrainings(of trials: [Trial], _ study: Study) throws -> [Retraining] {
    guard let retrain = plan.retrain else { return [] }
    var seen: Set<String> = []
    var jobs = try trials.sorted { ($0.macs, $0.number) < ($1.macs, $1.number) }.map { trial in
      Retraining(
        of: trial,
        network: material.space.network(of: try material.architecture(of: trial.architecture)),
        by: retrain, in: material)
    }.filter { seen.insert($0.name).inserted }
    jobs = try jobs.filter { try !store.isRetrained($0.name, study) }
    if retrain.distill != nil, !jobs.isEmpty, try !store.isRetrained(Retraining.teacher, study) {
      jobs.insert(Retraining(ofTeacherBy: retrain, in: material), at: 0)
    }
    return jobs
  }

  /// The weights that a training begins with, if they are not new ones.
  private func start(of job: Retraining, _ study: Study) throws -> TrainedNetwork? {
    guard retrainingStart != nil || job.origin == .inherited && job.trial != nil else { return nil }
    let supernet = try material.makeSupernet(engine: engine)
    let architecture =
      try job.trial.map { try material.architecture(of: $0.architecture) } ?? material.space.largest
    if let retrainingStart {
      supernet.begin(with: retrainingStart)
      return try supernet.trainedNetwork(of: architecture, with: material.recipe(images: 1))
    }
    _ = try TrainingCheckpoint(restoring: supernet, of: study, from: store)
    guard supernet.isTrained else { throw StudyError.nothingToInherit(study: study.name) }
    return try supernet.trainedNetwork(of: architecture, with: material.recipe(images: 1))
  }

  /// Takes over the teacher that another study of the database trained by the same recipe.
  ///
  /// - Returns: Whether there is one.
  private func takeTeacher(
    trainedBy recipe: TrainingRecipe, for study: Study, in run: ActiveRun
  ) throws -> Bool {
    guard try store.weights(named: Retraining.teacher, of: study) == nil else { return false }
    let origin = teacherOrigin(recipe)
    for donor in try store.studies().reversed() where donor.id != study.id {
      // One that cannot be read is no reason to stop, as this study can train its own.
      guard let file = try? store.weights(named: Retraining.teacher, of: donor),
        file.metadata[Retraining.originKey] == origin
      else { continue }
      try store.takeTraining(named: Retraining.teacher, of: donor, in: run)
      report(.tookTeacher(study: donor.name))
      return true
    }
    return false
  }

  private func teacherOrigin(_ recipe: TrainingRecipe) -> String {
    material.teacherFingerprint(of: recipe, from: retrainingStart, engine: engine)
  }

  // MARK: - What comes of it

  /// Keeps a trained network, with its accuracy on the hold-out and, once for all, on the test set.
  private func score(_ training: NetworkTraining, of job: Retraining, in run: ActiveRun) throws {
    let recipe = material.recipe(images: material.images.holdOut.count)
    let trained = try training.trainedNetwork(with: recipe)
    var metadata = [Retraining.finishedKey: "true"]
    if job.trial == nil {
      metadata[Retraining.originKey] = teacherOrigin(job.recipe)
    }
    let record = NewCheckpoint(
      name: job.name, step: training.step, of: trained.safetensors(metadata: metadata))
    guard let trial = job.trial else {
      try store.commit(StudyUpdate(checkpoints: [record]), in: run)
      return
    }
    let maker = material.images.maker
    let holdOut = try answers(
      of: trained, to: maker, material.images.holdOut[...], batch: recipe.batch)
    let test = try testImages.map { images in
      try answers(
        of: trained, to: images, Array(images.dataset.labels.indices)[...], batch: recipe.batch)
    }
    func newScore(_ answers: (score: Score, seconds: Double), isTest: Bool) -> TrialScore {
      TrialScore(
        trial: trial.number,
        score: NewScore(
          fidelity: .retrained, correct: answers.score.correct, images: answers.score.images,
          loss: answers.score.loss,
          calibration: recipe.record(of: engine, precision: .float32, training: job.record),
          weightsHash: record.checksum,
          imagesHash: isTest
            ? testImages?.dataset.fingerprint ?? "" : material.images.holdOutFingerprint,
          isTest: isTest, seconds: answers.seconds))
    }
    try store.commit(
      StudyUpdate(
        scores: [newScore(holdOut, isTest: false)]
          + (test.map { [newScore($0, isTest: true)] } ?? []),
        checkpoints: [record]), in: run)
    report(
      .retrained(
        network: job.name, accuracy: holdOut.score.accuracy, testAccuracy: test?.score.accuracy))
  }

  func answers(
    of trained: TrainedNetwork, to maker: BatchMaker, _ examples: ArraySlice<Int>, batch: Int
  ) throws -> (score: Score, seconds: Double) {
    let start = clock.now
    let answers = try Answers(
      of: trained.network, statistics: trained.statistics,
      runner: trained.makeRunner(engine: engine), maker: maker, examples: examples, batch: batch)
    return (answers.score, (clock.now - start).seconds)
  }

  /// Notes that a network could not be trained, so that the others are and this one is not tried
  /// again.
  private func recordDivergence(
    of job: Retraining, after step: Int, in run: ActiveRun
  ) throws {
    guard let trial = job.trial else { return }
    let record = NewCheckpoint(
      name: job.name, step: step, of: Safetensors(metadata: [Retraining.finishedKey: "true"]))
    let recipe = material.recipe(images: material.images.holdOut.count)
    let score = NewScore(
      fidelity: .retrained, correct: 0, images: recipe.images, loss: .nan,
      calibration: recipe.record(of: engine, precision: .float32, training: job.record),
      weightsHash: record.checksum, imagesHash: material.images.holdOutFingerprint, seconds: 0)
    try store.commit(
      StudyUpdate(scores: [TrialScore(trial: trial.number, score: score)], checkpoints: [record]),
      in: run)
    report(.retrained(network: job.name, accuracy: nil, testAccuracy: nil))
  }
}
