/// What is said of a merged job.
struct JobReport: Hashable, Sendable {
    /// Bytes of the model's weights.
    var outputBytes: UInt64 = 0
    var seconds: Double = 0
    var resumed = false
    /// What the report says in a few lines; empty where none was made.
    var lines: [String] = []
}
