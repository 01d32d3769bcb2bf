import SearchSpace
import Study

extension ExplanationView {
  struct Document: Encodable {
    var schema = "nas.explain/1"
    var study: String
    var space: String

    /// None where a table answers.
    var images: ImageCounts?

    /// A number of any size, as text.
    var architectures: String

    var decisions: [DecisionEntry]
    var groups: [GroupEntry]
    var smallest: SizeEntry
    var median: SizeEntry
    var largest: SizeEntry
    var budgets: [BudgetEntry]
    var stages: [StageEntry]

    /// That of the machine in the minute before; from 1 on, times may be too long.
    var load: Double

    struct DecisionEntry: Encodable {
      var name: String
      var choices: [Int]

      /// Of the largest network, what lies in layers that the decision sizes.
      var macs: Int
      var params: Int
    }

    struct GroupEntry: Encodable {
      var name: String
      var choices: [Int]
      var decision: String?
      var members: [MemberEntry]

      /// Of the largest network, what lies in layers that read or produce these channels.
      var macs: Int
      var params: Int
    }

    struct MemberEntry: Encodable {
      var layer: String
      var reason: String?
    }

    struct SizeEntry: Encodable {
      var macs: Int
      var params: Int
      var latency: Int?
      var activationBytes: Int
      var trainingBytes: Int
      var layers: [TrialView.Document.LayerEntry]?

      enum CodingKeys: String, CodingKey {
        case macs, params, layers
        case latency = "latency_ns"
        case activationBytes = "activation_bytes"
        case trainingBytes = "training_bytes"
      }
    }

    struct BudgetEntry: Encodable {
      var metric: String
      var limit: Int
      var line: Int?
      var column: Int?
      var nearest: Int
      var reachable: Bool
      var obstacle: ObstacleEntry?
    }

    struct ObstacleEntry: Encodable {
      var key: String
      var line: Int?
      var remedy: String
      var nearestWithout: Int

      enum CodingKeys: String, CodingKey {
        case key, line, remedy
        case nearestWithout = "nearest_without"
      }
    }

    struct StageEntry: Encodable {
      var stage: String
      var work: String
      var seconds: Double
      var bytes: Int
    }
  }

  var document: Document {
    Document(
      study: explanation.study, space: space.description, images: explanation.images,
      architectures: explanation.architectures.description,
      decisions: explanation.decisions.map { entry in
        Document.DecisionEntry(
          name: entry.decision.name, choices: entry.decision.choices, macs: entry.share.macs,
          params: entry.share.parameters)
      },
      groups: zip(space.groups, space.costByGroup(of: space.largest)).filter {
        !$0.0.members.isEmpty
      }.map { group, cost in
        Document.GroupEntry(
          name: group.name, choices: group.choices,
          decision: group.decision.map { space.decisions[$0].name },
          members: group.members.map { Document.MemberEntry(layer: $0.layer, reason: $0.reason) },
          macs: cost.macs, params: cost.parameters)
      },
      smallest: entry(explanation.smallest, of: space.smallest),
      median: entry(explanation.median, of: nil),
      largest: entry(explanation.largest, of: space.largest),
      budgets: explanation.budgets.map(Document.BudgetEntry.init),
      stages: explanation.stages.map { stage in
        Document.StageEntry(
          stage: stage.stage.rawValue, work: stage.work, seconds: stage.seconds,
          bytes: stage.bytes)
      }, load: explanation.load)
  }

  private func entry(
    _ size: NetworkSize, of architecture: Architecture?
  ) -> Document.SizeEntry {
    Document.SizeEntry(
      macs: size.cost.macs, params: size.cost.parameters, latency: size.cost.latency,
      activationBytes: size.activationBytes, trainingBytes: size.trainingBytes,
      layers: architecture.flatMap { architecture in
        isTraced
          ? space.network(of: architecture).layers.map(TrialView.Document.LayerEntry.init) : nil
      })
  }
}

extension ExplanationView.Document.BudgetEntry {
  fileprivate init(_ outlook: BudgetOutlook) {
    self.init(
      metric: outlook.budget.metric.rawValue, limit: outlook.budget.limit, line: outlook.line,
      column: outlook.column, nearest: outlook.nearest, reachable: outlook.isReachable,
      obstacle: outlook.obstacle.map { obstacle in
        ExplanationView.Document.ObstacleEntry(
          key: obstacle.key, line: obstacle.line, remedy: obstacle.remedy,
          nearestWithout: obstacle.nearestWithout)
      })
  }
}
