/// The products of a tensor's inputs, or of a row's: all that a blend's coefficients depend on.
///
/// Scalars are Double, sums in the order of the indices, nothing fused.
struct GramMatrix: Hashable, Sendable {
    /// Inputs.
    let count: Int
    /// By row; both halves.
    private let products: [Double]

    /// - Parameter sums: the products 00, 01, … 0n, 11, … nn.
    init(count: Int, _ sums: some Collection<Double>) {
        precondition(sums.count == Self.sumCount(count), "a product of each pair")
        var products = Array(repeating: 0.0, count: count * count)
        var next = sums.makeIterator()
        for i in 0..<count {
            for j in i..<count {
                let product = next.next() ?? 0
                products[i * count + j] = product
                products[j * count + i] = product
            }
        }
        self.count = count
        self.products = products
    }

    /// The products of `count` inputs.
    static func sumCount(_ count: Int) -> Int { count * (count + 1) / 2 }

    subscript(i: Int, j: Int) -> Double { products[i * count + j] }

    /// The length of an input.
    func norm(_ index: Int) -> Double { self[index, index].squareRoot() }

    var norms: [Double] { (0..<count).map(norm) }

    var isFinite: Bool { products.allSatisfy(\.isFinite) }

    /// The product of two combinations of the inputs, given by their coefficients.
    func product(_ a: [Double], _ b: [Double]) -> Double {
        var sum = 0.0
        for j in 0..<count {
            var column = 0.0
            for i in 0..<count { column += a[i] * self[i, j] }
            sum += column * b[j]
        }
        return sum
    }

    /// The length of a combination.
    func length(_ coefficients: [Double]) -> Double {
        let square = product(coefficients, coefficients)
        return (square > 0 ? square : square.isNaN ? square : 0).squareRoot()
    }
}
