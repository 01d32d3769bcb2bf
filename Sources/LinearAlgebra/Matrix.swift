import COpenBLAS

/// Numbers in rows and columns.
///
///     var matrix = Matrix(rows: 2, columns: 2)
///     matrix[0, 1] = 3
public struct Matrix: Hashable, Sendable {
  public let rows: Int
  public let columns: Int

  /// The numbers, one row behind the other.
  public internal(set) var elements: [Double]

  /// Creates a matrix of zeros.
  public init(rows: Int, columns: Int) {
    precondition(rows >= 0 && columns >= 0, "there is no matrix of \(rows)×\(columns)")
    self.rows = rows
    self.columns = columns
    elements = [Double](repeating: 0, count: rows * columns)
  }

  /// The number in a row and a column, both counted from 0.
  public subscript(row: Int, column: Int) -> Double {
    get { elements[place(row, column)] }
    set { elements[place(row, column)] = newValue }
  }

  private func place(_ row: Int, _ column: Int) -> Int {
    precondition(
      0..<rows ~= row && 0..<columns ~= column,
      "row \(row), column \(column) is not in a matrix of \(rows)×\(columns)")
    return row * columns + column
  }

  /// The product of two matrices, of which the left has as many columns as the right has rows.
  public static func * (left: Matrix, right: Matrix) -> Matrix {
    precondition(
      left.columns == right.rows,
      "\(left.rows)×\(left.columns) and \(right.rows)×\(right.columns) have no product")
    var product = Matrix(rows: left.rows, columns: right.columns)
    guard left.columns > 0, !product.elements.isEmpty else { return product }
    let (rows, inner, columns) = (Int32(left.rows), Int32(left.columns), Int32(right.columns))
    unsafe left.elements.withUnsafeBufferPointer { left in
      unsafe right.elements.withUnsafeBufferPointer { right in
        unsafe product.elements.withUnsafeMutableBufferPointer { elements in
          unsafe cblas_dgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, inner, 1, left.baseAddress,
            inner, right.baseAddress, columns, 0, elements.baseAddress, columns)
        }
      }
    }
    return product
  }

  /// The matrix with rows for columns.
  public var transposed: Matrix {
    var transposed = Matrix(rows: columns, columns: rows)
    for row in 0..<rows {
      for column in 0..<columns {
        transposed.elements[column * rows + row] = elements[row * columns + column]
      }
    }
    return transposed
  }
}
