/// The word that was probably meant by one that is not known.
///
///     nearest("epohcs", in: ["epochs", "batch"])  // epochs
///
/// - Returns: The word that the fewest edits turn `word` into, the first of equals; `nil` if more
///   than one edit in three letters is needed, for then it is a guess.
package func nearest(_ word: String, in words: [String]) -> String? {
  // A word this long is no slip of the fingers, and comparing it would take its time.
  guard word.utf8.count <= 100 else { return nil }
  let ranked = words.map { (word: $0, edits: edits(from: word.lowercased(), to: $0)) }
  guard let best = ranked.min(by: { $0.edits < $1.edits }) else { return nil }
  return best.edits <= max(1, max(word.count, best.word.count) / 3) ? best.word : nil
}

/// How many letters must be added, left out, replaced or swapped with their neighbour.
///
/// The distance known as optimal string alignment.
private func edits(from source: String, to target: String) -> Int {
  let source = Array(source)
  let target = Array(target)
  var beforeLast: [Int] = []
  var last = Array(0...target.count)
  for row in source.indices {
    var current = [row + 1]
    for column in target.indices {
      let isSame = source[row] == target[column]
      var least = min(
        last[column + 1] + 1, current[column] + 1, last[column] + (isSame ? 0 : 1))
      if row > 0, column > 0, source[row] == target[column - 1], source[row - 1] == target[column] {
        least = min(least, beforeLast[column - 1] + 1)
      }
      current.append(least)
    }
    beforeLast = last
    last = current
  }
  return last[target.count]
}
