import StreamIO
import SystemPackage

/// What a plan will do, for people (`text`) and programs (`json`), before it is done.
public struct PlanReport: Sendable {
    /// A tensor of which a part is read a second time, as the budget cannot keep it.
    public struct Reread: Hashable, Sendable {
        /// The output tensor's name.
        public var tensor: String
        /// Bytes that are read again.
        public var byteCount: UInt64
    }

    /// One of the merges of a recipe besides its result.
    public struct Stage: Sendable {
        /// As the recipe calls it.
        public var name: String
        /// Where its document says so.
        public var line: Int
        /// Whether it is published beside the result.
        public var isKept: Bool
        /// What it does and needs by itself.
        public var report: PlanReport
    }

    /// The plan that is reported on.
    public let plan: MergePlan
    /// The budget, in bytes.
    public let memory: UInt64
    /// In the order of the output.
    public let rereads: [Reread]
    /// Why the budget will not do; `nil` where it does.
    public private(set) var budgetProblem: String?
    /// Bytes read from the models, second readings included; by all stages.
    public private(set) var bytesRead: UInt64
    /// Bytes that the output takes on the disk: shards and, as far as they are known, the files beside them. With those of
    /// all stages, which are there until the end.
    public private(set) var bytesWritten: UInt64
    /// Bytes free where the output goes; `nil` where that is not known.
    public private(set) var freeSpace: UInt64?
    /// What the disks were measured to move; `nil` where they were not.
    public private(set) var bytesPerSecond: Double?
    /// The merges before it, where it is the result of a recipe, in order.
    public private(set) var stages: [Stage] = []
    /// Bytes of `bytesWritten` that are its own.
    var ownBytesWritten: UInt64

    /// Works out what a plan needs.
    ///
    /// - Parameters:
    ///   - memory: the budget that the host grants, in bytes; the config's own may lower it.
    ///   - threads: threads that compute.
    ///   - freeSpace: bytes free where the output will be.
    ///   - bytesPerSecond: a measurement of the disks.
    public init(
        _ plan: MergePlan, memory: UInt64, threads: Int, freeSpace: UInt64? = nil,
        bytesPerSecond: Double? = nil
    ) {
        self.plan = plan
        self.memory = min(memory, plan.memoryLimit ?? memory)
        self.freeSpace = freeSpace
        self.bytesPerSecond = bytesPerSecond
        ownBytesWritten = plan.shards.reduce(0) { $0 + $1.byteCount } + Self.companionBytes(plan)
        bytesWritten = ownBytesWritten
        let once = plan.tensors.reduce(UInt64(0)) { $0 + Self.inputBytes($1) }
        do throws(MergeFailure) {
            let layout = try MergeLayout(plan, memory: self.memory, threads: threads)
            rereads = plan.tensors.compactMap { tensor -> Reread? in
                let again = TensorLayout(tensor, shard: 0, index: 0, in: layout).readBytes
                let bytes = Self.inputBytes(tensor)
                return again > bytes ? Reread(tensor: tensor.name, byteCount: again - bytes) : nil
            }
            budgetProblem = nil
        } catch {
            rereads = []
            budgetProblem = "\(error)"
        }
        bytesRead = once + rereads.reduce(0) { $0 + $1.byteCount }
    }

    /// Takes in the stages of the recipe that this is the result of.
    mutating func add(_ stages: [Stage], freeSpace: UInt64?, bytesPerSecond: Double?) {
        self.stages = stages
        (self.freeSpace, self.bytesPerSecond) = (freeSpace, bytesPerSecond)
        for stage in stages {
            bytesRead += stage.report.bytesRead
            bytesWritten += stage.report.bytesWritten
        }
        let problem = stages.lazy.compactMap { stage in
            stage.report.budgetProblem.map { "the stage \(stage.name): \($0)" }
        }.first
        budgetProblem = problem ?? budgetProblem
    }

    /// The largest input file: what a measurement of the disks would best read.
    public static func fileToMeasure(_ plan: MergePlan) -> FilePath? {
        plan.inputs.max { $0.size < $1.size }?.path
    }

    /// Seconds that moving the bytes takes at the measured rate.
    public var seconds: Double? {
        guard let bytesPerSecond, bytesPerSecond > 0 else { return nil }
        return Double(bytesRead + bytesWritten) / bytesPerSecond
    }

    /// Bytes that the disk lacks for the output; `nil` where there is room, or nothing is known of it.
    public var spaceMissing: UInt64? {
        guard let freeSpace, freeSpace < bytesWritten else { return nil }
        return bytesWritten - freeSpace
    }

    private static func inputBytes(_ tensor: OutputTensor) -> UInt64 {
        RowShape(tensor).readBytes
    }

    private static func companionBytes(_ plan: MergePlan) -> UInt64 {
        plan.companions.reduce(0) { sum, file in
            switch file.content {
            case .text(let text): sum + UInt64(text.utf8.count)
            case .index: sum + OutputIndex(shards: plan.shards).byteCount
            case .tokenizer(let tokenizer): sum + tokenizer.byteCount
            case .copy(let path): sum + (((try? FileSystem.status(path)) ?? nil)?.size ?? 0)
            }
        }
    }
}
