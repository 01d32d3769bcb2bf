import Study
import Testing

@Suite struct PlanScalarTests {
  @Test(arguments: [("0", 0), ("-0", 0), ("010", 10), ("-12", -12), ("9223372036854775807", .max)])
  func `reads whole numbers`(text: String, number: Int) throws {
    #expect(try ScalarRules.integer(text) == number)
  }

  @Test(arguments: [
    "", "-", "+1", "1_000", "0x10", "0b1", "1.0", "1e3", " 1", "1 ", "٣", "1\u{301}", "--1", "many",
    "9223372036854775808", "12:30",
  ])
  func `refuses what is no whole number`(text: String) {
    #expect(throws: ScalarError.self) { let _: Int = try ScalarRules.integer(text) }
  }

  @Test(arguments: [
    ("0.1", 0.1), ("1e-4", 1e-4), ("1E+2", 100), ("5", 5), ("-2.50", -2.5), ("0e0", 0),
    ("0.000", 0), ("1e-05", 1e-5),
  ])
  func `reads decimal numbers`(text: String, number: Double) throws {
    #expect(try ScalarRules.decimal(text) == number)
  }

  @Test(arguments: [
    "", ".", ".5", "5.", "1e", "e1", "1e+", "nan", ".nan", "inf", "-.inf", "infinity", "0x1p3",
    "1e400", "-1e400", "1e-400", "1_0.0", "1,5", "1.2.3", "1e1e1", "1e1.5",
  ])
  func `refuses what is no decimal number`(text: String) {
    #expect(throws: ScalarError.self) { try ScalarRules.decimal(text) }
  }

  @Test func `does not know minus zero`() throws {
    #expect(try ScalarRules.decimal("-0.0").sign == .plus)
  }

  @Test(arguments: [
    ("4M", 4_000_000), ("300k", 300_000), ("1.5M", 1_500_000), ("2G", 2_000_000_000), ("010", 10),
    ("1.500k", 1500), ("0.001k", 1), ("5000.0", 5000), ("9223372036854775807", .max),
    ("9223372036854775.807k", .max),
  ])
  func `reads counts`(text: String, count: Int) throws {
    #expect(try ScalarRules.count(text) == count)
  }

  @Test(arguments: [
    "", "M", "-4M", "4m", "4K", "4 M", "4MM", "1.5", "1.0001k", ".5M", "5.M", "1..5M", "1.2.3M",
    "9223372036854775808", "9223372036854776k", "10000000000G", "99999999999999999999",
    "0.0000000000000000000001G", "40%", "1e6", "٤M",
  ])
  func `refuses what is no count`(text: String) {
    #expect(throws: ScalarError.self) { try ScalarRules.count(text) }
  }

  @Test(arguments: [("40%", 400_000), ("12.5%", 125_000), ("0.0001%", 1), ("33.3333%", 333_333)])
  func `reads shares`(text: String, partsPerMillion: Int) throws {
    #expect(try ScalarRules.share(text) == partsPerMillion)
  }

  @Test(arguments: ["", "%", "40", "-1%", "40 %", "1.23456%", "40%%", "0.4"])
  func `refuses what is no share`(text: String) {
    #expect(throws: ScalarError.self) { try ScalarRules.share(text) }
  }

  @Test(arguments: [
    ("500ms", 500), ("20s", 20_000), ("1.5s", 1500), ("2m", 120_000), ("0.5h", 1_800_000),
  ])
  func `reads times`(text: String, milliseconds: Int) throws {
    #expect(try ScalarRules.milliseconds(text) == milliseconds)
  }

  @Test(arguments: ["", "20", "s", "-1s", "1.5ms", "1d", "20S", "20 s", "9223372036854775807h"])
  func `refuses what is no time`(text: String) {
    #expect(throws: ScalarError.self) { try ScalarRules.milliseconds(text) }
  }

  @Test(arguments: [
    ("epohcs", "epochs"), ("Epochs", "epochs"), ("epoch", "epochs"), ("hold_out", "hold-out"),
    ("rl", "lr"), ("weightdecay", "weight-decay"),
  ])
  func `finds the word that was meant`(typed: String, meant: String) {
    #expect(nearest(typed, in: ["lr", "epochs", "hold-out", "weight-decay"]) == meant)
  }

  @Test(arguments: ["", "retrain", "x", "bfloat16", String(repeating: "epochs", count: 1000)])
  func `does not guess`(typed: String) {
    #expect(nearest(typed, in: ["lr", "epochs", "float32", "strategy"]) == nil)
  }
}
