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

  /// Creates a matrix of numbers, one row behind the other.
  public init(rows: Int, columns: Int, elements: [Double]) {
    precondition(
      elements.count == rows * columns, "\(elements.count) numbers are not \(rows)×\(columns)")
    self.rows = rows
    self.columns = columns
    self.elements = elements
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
    _ = onOneThread
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

  /// The product of the matrix and a vector, which has a number for each column.
  public static func * (left: Matrix, right: [Double]) -> [Double] {
    precondition(
      left.columns == right.count,
      "\(left.rows)×\(left.columns) and \(right.count) numbers have no product")
    return (0..<left.rows).map { left.dot(row: $0, right) }
  }

  /// Adds a row of another matrix, which has as many columns, to a row of this one.
  public mutating func add(row other: Int, of matrix: Matrix, toRow row: Int) {
    precondition(
      matrix.columns == columns, "a row of \(matrix.columns) is none of \(columns) numbers")
    precondition(0..<matrix.rows ~= other && 0..<rows ~= row, "there is no such row")
    unsafe matrix.elements.withUnsafeBufferPointer { source in
      unsafe elements.withUnsafeMutableBufferPointer { target in
        guard let source = source.baseAddress, let target = target.baseAddress else { return }
        unsafe cblas_daxpy(
          Int32(columns), 1, source + other * columns, 1, target + row * columns, 1)
      }
    }
  }

  /// The sum of the products of a row's first numbers and those of a vector.
  public func dot(row: Int, _ vector: [Double]) -> Double {
    precondition(vector.count <= columns && 0..<rows ~= row, "the row has no such numbers")
    return unsafe elements.withUnsafeBufferPointer { elements in
      unsafe vector.withUnsafeBufferPointer { vector in
        guard let first = elements.baseAddress else { return 0 }
        return unsafe cblas_ddot(
          Int32(vector.count), first + row * columns, 1, vector.baseAddress, 1)
      }
    }
  }

  /// The matrix with every number replaced.
  public consuming func mapped(_ transform: (Double) -> Double) -> Matrix {
    for index in elements.indices { elements[index] = transform(elements[index]) }
    return self
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

/// Has OpenBLAS compute on one thread, once it is asked for.
///
/// The matrices of strategies are too small for more to pay: threads that wait for the next call take
/// time from the one that works. And one thread rounds alike on every machine.
let onOneThread: Void = openblas_set_num_threads(1)
