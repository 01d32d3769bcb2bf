import LinearAlgebra
import RealModule
import Testing

@Suite struct MatrixTests {
  @Test(arguments: [(1, 1, 1), (3, 5, 2), (17, 4, 9), (0, 3, 2), (2, 0, 3)])
  func `multiplies as the definition says`(rows: Int, inner: Int, columns: Int) {
    var random = Numbers(state: 1)
    let left = random.matrix(rows, inner)
    let right = random.matrix(inner, columns)
    let product = left * right
    #expect((product.rows, product.columns) == (rows, columns))
    for row in 0..<rows {
      for column in 0..<columns {
        let expected = (0..<inner).reduce(0.0) { $0 + left[row, $1] * right[$1, column] }
        #expect(product[row, column].isApproximatelyEqual(to: expected, absoluteTolerance: 1e-12))
        #expect(product.transposed[column, row] == product[row, column])
      }
    }
    let vector = (0..<inner).map { _ in random.next() }
    for (row, value) in (left * vector).enumerated() {
      let expected = (0..<inner).reduce(0.0) { $0 + left[row, $1] * vector[$1] }
      #expect(value.isApproximatelyEqual(to: expected, absoluteTolerance: 1e-12))
    }
  }

  @Test func `adds and multiplies single rows`() {
    let source = Matrix(rows: 2, columns: 3, elements: [1, 2, 3, 4, 5, 6])
    var sum = Matrix(rows: 2, columns: 3)
    sum.add(row: 1, of: source, toRow: 0)
    sum.add(row: 0, of: source, toRow: 0)
    #expect(sum.elements == [5, 7, 9, 0, 0, 0])
    #expect(source.dot(row: 1, [1, 10, 100]) == 654)
    // Only the first numbers of a row, and none at all.
    #expect(source.dot(row: 1, [1, 10]) == 54)
    #expect(source.dot(row: 0, []) == 0)
    #expect(source.mapped { -$0 }.elements == [-1, -2, -3, -4, -5, -6])
  }
}

@Suite struct CholeskyTests {
  /// Random positive definite matrices: a product with its own transpose, and a little more.
  static func matrix(_ size: Int, _ random: inout Numbers) -> Matrix {
    let half = random.matrix(size, size)
    var matrix = half * half.transposed
    for row in 0..<size { matrix[row, row] += 0.1 }
    return matrix
  }

  @Test(arguments: [1, 2, 3, 8, 33, 100])
  func `solves, inverts and takes determinants as elimination does`(size: Int) throws {
    var random = Numbers(state: UInt64(size))
    for _ in 0..<5 {
      let matrix = Self.matrix(size, &random)
      let right = (0..<size).map { _ in random.next() }
      let factor = try Cholesky(of: matrix)
      let (solution, determinant) = eliminated(matrix, right)
      #expect(factor.logDeterminant.isApproximatelyEqual(to: determinant, relativeTolerance: 1e-8))
      for (value, expected) in zip(factor.solve(right), solution) {
        #expect(value.isApproximatelyEqual(to: expected, absoluteTolerance: 1e-6))
      }
      let identity = matrix * factor.inverse()
      for row in 0..<size {
        for column in 0..<size {
          #expect(abs(identity[row, column] - (row == column ? 1 : 0)) < 1e-6)
        }
      }
    }
  }

  @Test func `colours a unit vector as its column of the triangle`() throws {
    var random = Numbers(state: 9)
    let matrix = Self.matrix(6, &random)
    let factor = try Cholesky(of: matrix)
    let columns = (0..<6).map { index in factor.colored((0..<6).map { $0 == index ? 1 : 0 }) }
    for row in 0..<6 {
      for column in 0..<6 {
        let product = (0..<6).reduce(0.0) { $0 + columns[$1][row] * columns[$1][column] }
        #expect(abs(product - matrix[row, column]) < 1e-9)
      }
    }
  }

  @Test func `refuses what is not positive definite and names the row`() {
    var matrix = Matrix(rows: 3, columns: 3)
    for row in 0..<3 { matrix[row, row] = row == 1 ? -1 : 1 }
    let error = #expect(throws: NotPositiveDefinite.self) { try Cholesky(of: matrix) }
    #expect(error?.row == 1)
    matrix[1, 1] = .nan
    #expect(throws: NotPositiveDefinite.self) { try Cholesky(of: matrix) }
  }

  @Test func `has no equations to solve without rows`() throws {
    let factor = try Cholesky(of: Matrix(rows: 0, columns: 0))
    #expect(factor.solve([]).isEmpty && factor.logDeterminant == 0)
  }

  /// Gaussian elimination with pivots: the solution, and the logarithm of the determinant.
  private func eliminated(_ matrix: Matrix, _ right: [Double]) -> ([Double], Double) {
    let size = matrix.rows
    var rows = (0..<size).map { row in (0..<size).map { matrix[row, $0] } + [right[row]] }
    var determinant = 0.0
    for pivot in 0..<size {
      let largest = (pivot..<size).max { abs(rows[$0][pivot]) < abs(rows[$1][pivot]) } ?? pivot
      rows.swapAt(pivot, largest)
      determinant += Double.log(abs(rows[pivot][pivot]))
      for row in 0..<size where row != pivot {
        let factor = rows[row][pivot] / rows[pivot][pivot]
        for column in pivot...size { rows[row][column] -= factor * rows[pivot][column] }
      }
    }
    return ((0..<size).map { rows[$0][size] / rows[$0][$0] }, determinant)
  }
}

/// Numbers from -1 to 1 that are the same in every run.
struct Numbers {
  var state: UInt64

  mutating func next() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(state >> 11) * 0x1p-52 - 1
  }

  mutating func matrix(_ rows: Int, _ columns: Int) -> Matrix {
    var matrix = Matrix(rows: rows, columns: columns)
    for row in 0..<rows { for column in 0..<columns { matrix[row, column] = next() } }
    return matrix
  }
}
