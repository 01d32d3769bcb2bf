import Evaluator
import Kernels
import Networks
import SearchSpace
import Strategies
import TrialStore

// No architecture is scored twice with the same weights by the same recipe. What any study of the
// database found out is known to all: the answer is then taken from there, to the last bit the one
// that computing would give.

extension StudyRunner {
  /// Scores architectures with shared weights, those that are known already without computing.
  ///
  /// - Parameters:
  ///   - architectures: The architectures.
  ///   - images: How many images of the hold-out to score them on.
  ///   - supernet: Has the weights.
  ///   - weights: The hash of the weights.
  /// - Returns: A score for each architecture; of equal ones the first is computed.
  /// - Throws: ``StoreError`` if the store cannot be read; `KernelError` if a kernel fails.
  func measure(
    _ architectures: [Architecture], images: Int, _ supernet: Supernet, weights: String
  ) throws -> [NewScore] {
    let recipe = material.recipe(images: images)
    let provenance = provenance(of: recipe, precision: supernet.precision, weights: weights)
    let keys = architectures.map(material.space.key(of:))
    var known = try store.knownScores(of: keys, from: provenance).mapValues(
      NewScore.init(repeating:))

    var seen = Set(known.keys)
    let unknown = architectures.indices.filter { seen.insert(keys[$0]).inserted }
    let start = clock.now
    let assessments =
      unknown.isEmpty
      ? [] : try supernet.assess(unknown.map { architectures[$0] }, with: recipe)
    let seconds = (clock.now - start).seconds / Double(max(1, unknown.count))
    var measured: [Int: NewScore] = [:]
    for (index, assessment) in zip(unknown, assessments) {
      let score = assessment.score
      let new = NewScore(
        fidelity: .shared, correct: score.correct, images: score.images, loss: score.loss,
        calibration: provenance.calibration, weightsHash: weights,
        imagesHash: provenance.imagesHash, seconds: seconds, answers: assessment.answers)
      measured[index] = new
      known[keys[index]] = new.repeated
    }
    return architectures.indices.map { index in
      guard let score = measured[index] ?? known[keys[index]] else {
        preconditionFailure("\(keys[index]) was neither known nor scored")
      }
      return score
    }
  }

  /// Has a strategy begin with all scores that the database knows for this study's weights and
  /// recipe, and makes trials of them.
  ///
  /// They go to the store with the strategy that knows them, so the search goes on in the same way
  /// whatever other studies do meanwhile.
  func warmStart(
    _ strategy: inout any SearchStrategy, using generator: SeededGenerator, _ supernet: Supernet,
    weights: String, in run: ActiveRun
  ) throws {
    guard let images = plan.strategy.images else { return }
    let recipe = material.recipe(images: images)
    let known = try store.knownScores(
      from: provenance(of: recipe, precision: supernet.precision, weights: weights))
    let scored = try known.map { known in
      ScoredArchitecture(
        try material.architecture(of: known.architecture), NewScore(repeating: known.score).score)
    }
    strategy.warmStart(from: scored, in: material.space)
    try store.commit(
      StudyUpdate(
        trials: zip(scored, known).map { scored, known in
          trial(
            Candidate(scored.architecture, role: "known"), NewScore(repeating: known.score),
            step: -1, chosen: false)
        }, strategyState: json(strategy), randomState: "\(generator.state)"), in: run)
    report(.warmStarted(scores: known.count))
  }

  private func provenance(
    of recipe: ScoringRecipe, precision: ElementType, weights: String
  ) -> ScoreProvenance {
    let count = min(recipe.images, material.images.holdOut.count)
    return ScoreProvenance(
      recipeHash: material.supernetFingerprint(engine: engine, pretrained: pretrained),
      weightsHash: weights,
      calibration: recipe.record(of: engine, precision: precision),
      imagesHash: "\(material.images.holdOutFingerprint)/\(count)")
  }
}

extension NewScore {
  /// A known score once more, which takes no time.
  init(repeating known: RecordedScore) {
    self.init(
      fidelity: known.fidelity, correct: known.correct, images: known.images,
      loss: known.loss ?? .nan, calibration: known.calibration, weightsHash: known.weightsHash,
      imagesHash: known.imagesHash, isTest: known.isTest, seconds: 0, isKnown: true,
      answers: known.answers)
  }

  /// This score once more, which takes no time.
  fileprivate var repeated: NewScore {
    NewScore(
      fidelity: fidelity, correct: correct, images: images, loss: loss, calibration: calibration,
      weightsHash: weightsHash, imagesHash: imagesHash, isTest: isTest, seconds: 0, isKnown: true,
      answers: answers)
  }

  /// What a strategy is told of it.
  var score: Score { Score(correct: correct, images: images, loss: loss) }
}
