import COpenBLAS
import RealModule

/// A symmetric positive definite matrix as the product of a lower triangle and its transpose.
///
/// Systems of equations are solved with it in time that the factorisation has mostly paid.
///
/// > G. H. Golub, C. F. Van Loan. "Matrix Computations." 4th edition, 2013, section 4.2.
public struct Cholesky: Sendable {
  /// The factor in its lower triangle; what is above means nothing.
  private var factor: Matrix

  /// Factorises a symmetric matrix, of which only the lower triangle is read.
  ///
  /// - Parameter matrix: Of as many rows as columns.
  /// - Throws: ``NotPositiveDefinite`` if it is not positive definite, or not to the precision of
  ///   its numbers.
  /// - Complexity: n³/3 multiply-adds for n rows.
  public init(of matrix: consuming Matrix) throws(NotPositiveDefinite) {
    precondition(
      matrix.rows == matrix.columns, "a matrix of \(matrix.rows)×\(matrix.columns) is not square")
    factor = matrix
    guard factor.rows > 0 else { return }
    _ = onOneThread
    // LAPACK goes down the columns: it sees the transpose, and so an upper triangle.
    var (triangle, order, status) = (Self.upper, Int32(factor.rows), Int32(0))
    var stride = order
    unsafe factor.elements.withUnsafeMutableBufferPointer { elements in
      _ = unsafe dpotrf_(&triangle, &order, elements.baseAddress, &stride, &status)
    }
    guard status == 0, factor.elements[factor.elements.count - 1].isFinite else {
      throw NotPositiveDefinite(row: status > 0 ? Int(status) - 1 : factor.rows - 1)
    }
  }

  private static let upper = CChar(UInt8(ascii: "U"))

  /// How many rows the matrix has.
  public var rows: Int { factor.rows }

  /// The natural logarithm of the matrix's determinant.
  public var logDeterminant: Double {
    var sum = 0.0
    for row in 0..<rows { sum += 2 * Double.log(factor[row, row]) }
    return sum
  }

  /// Solves the system of equations with this matrix on its left.
  ///
  /// - Parameter right: The right side, a number for each row.
  /// - Returns: What the matrix times this is the right side.
  public func solve(_ right: [Double]) -> [Double] {
    precondition(right.count == rows, "\(right.count) numbers are no right side for \(rows) rows")
    guard rows > 0 else { return [] }
    var solution = right
    var (triangle, order, count, status) = (Self.upper, Int32(rows), Int32(1), Int32(0))
    var (stride, rightStride) = (order, order)
    // LAPACK's declaration lacks the word that it changes nothing.
    var factor = factor.elements
    unsafe factor.withUnsafeMutableBufferPointer { factor in
      unsafe solution.withUnsafeMutableBufferPointer { solution in
        _ = unsafe dpotrs_(
          &triangle, &order, &count, factor.baseAddress, &stride, solution.baseAddress,
          &rightStride, &status)
      }
    }
    return solution
  }

  /// The lower triangle times a vector: turns independent numbers into such as vary together as the
  /// matrix says.
  public func colored(_ independent: [Double]) -> [Double] {
    precondition(independent.count == rows, "\(independent.count) numbers for \(rows) rows")
    var product = independent
    unsafe factor.elements.withUnsafeBufferPointer { factor in
      unsafe product.withUnsafeMutableBufferPointer { product in
        unsafe cblas_dtrmv(
          CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, Int32(product.count),
          factor.baseAddress, Int32(product.count), product.baseAddress, 1)
      }
    }
    return product
  }

  /// The inverse of the matrix.
  ///
  /// - Complexity: 2n³/3 multiply-adds for n rows.
  public func inverse() -> Matrix {
    guard rows > 0 else { return factor }
    var inverse = factor
    var (triangle, order, status) = (Self.upper, Int32(rows), Int32(0))
    var stride = order
    unsafe inverse.elements.withUnsafeMutableBufferPointer { elements in
      _ = unsafe dpotri_(&triangle, &order, elements.baseAddress, &stride, &status)
    }
    for row in 0..<rows {
      for column in 0..<row { inverse[column, row] = inverse[row, column] }
    }
    return inverse
  }
}

/// A matrix that was taken for positive definite and is not.
public struct NotPositiveDefinite: Error, Hashable, Sendable, CustomStringConvertible {
  /// The first row, from 0, with which the matrix is so no longer.
  public let row: Int

  public var description: String { "the matrix is not positive definite from row \(row) on" }
}
