/// Inner products of several tensors, in Double, and vectors as coefficients of these tensors.
struct Gram {
    typealias Coefficients = [Double]

    private let products: [[Double]]

    var count: Int { products.count }

    init(_ vectors: [[Float]], rowLength: Int) {
        products = vectors.map { x in
            vectors.map { y in
                ReferenceSums.tensor(zip(x, y).map { Double($0) * Double($1) }, rowLength: rowLength)
            }
        }
    }

    /// Of two vectors whose products were summed in another order.
    init(_ xx: Double, _ xy: Double, _ yy: Double) { products = [[xx, xy], [xy, yy]] }

    subscript(i: Int, j: Int) -> Double { products[i][j] }

    var isFinite: Bool { products.allSatisfy { $0.allSatisfy(\.isFinite) } }

    /// The norms of the tensors.
    var norms: [Double] { products.indices.map { products[$0][$0].squareRoot() } }

    func dot(_ x: Coefficients, _ y: Coefficients) -> Double {
        (0..<count).reduce(0) { sum, j in
            sum + (0..<count).reduce(0) { $0 + x[$1] * products[$1][j] } * y[j]
        }
    }

    func length(_ x: Coefficients) -> Double { max(0, dot(x, x)).squareRoot() }
}
