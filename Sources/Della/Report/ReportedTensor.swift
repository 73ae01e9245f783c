/// One tensor as a report shows it.
public struct ReportedTensor: Sendable {
    /// A parameter of a model, or of the merge, at this tensor.
    public struct Parameter: Hashable, Sendable {
        public var name: String
        public var value: Double

        public init(name: String, value: Double) {
            self.name = name
            self.value = value
        }
    }

    /// The output's name.
    public var name: String
    /// Empty for a scalar.
    public var shape: [Int]
    /// What was measured; without inputs where the tensor is copied.
    public var statistics: TensorStatistics
    /// By input of the statistics, the parameters it was merged with.
    public var parameters: [[Parameter]]

    /// A tensor with these parts.
    public init(name: String, shape: [Int], statistics: TensorStatistics, parameters: [[Parameter]]) {
        self.name = name
        self.shape = shape
        self.statistics = statistics
        self.parameters = parameters
    }
}
