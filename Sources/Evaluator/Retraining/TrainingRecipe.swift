public import Datasets
public import Kernels
public import Networks

/// How one network is trained on its own.
public struct TrainingRecipe: Hashable, Codable, Sendable {
  /// Passes over the training images.
  public var epochs = 20

  /// Images in a step.
  public var batch = 128

  public var optimizer: MomentumOptimizer

  /// The part of each label that is shared out evenly among all classes, from 0 to below 1.
  public var labelSmoothing = 0.0

  /// How the images of a step are varied.
  public var augmentation = Augmentation.none

  /// The part of a moving average of the weights that each step keeps; `nil` to end with the weights
  /// of the last step.
  public var averaging: Double?

  /// How much of a teacher is learnt; `nil` to learn from the labels alone.
  public var distillation: Distillation?

  /// How activations lie in memory; `nil` for whichever trains faster on this machine.
  public var precision: ElementType? = .float32

  public init() {
    optimizer = MomentumOptimizer()
    optimizer.weightDecay = 5e-4
  }

  /// The recipe without a teacher, by which the teacher itself is trained.
  public var ofTeacher: TrainingRecipe {
    var recipe = self
    recipe.distillation = nil
    return recipe
  }
}
