import StreamIO

extension ResumePoint {
    /// Whether a merge of that plan can stand there: what a journal says may have been written by anybody, or by a disk
    /// that lies.
    func fits(_ plan: MergePlan) -> Bool {
        guard finished.count <= plan.shards.count,
            zip(finished, plan.shards).allSatisfy({ $0.byteCount == $1.byteCount })
        else { return false }
        guard offset > 0 else { return tensor == nil && constants.isEmpty && checksums == ChunkChecksums() }
        guard shard < plan.shards.count, checksums.byteCount == offset, offset % 4096 == 0,
            offset < plan.shards[shard].byteCount
        else { return false }
        guard let tensor else { return constants.isEmpty }
        guard plan.shards[shard].tensors.indices.contains(tensor) else { return false }
        let output = plan.shards[shard].tensors[tensor]
        guard output.offset < offset, offset - output.offset < output.byteCount else { return false }
        return switch output.source {
        case .copy: constants.isEmpty
        // Coefficients of columns are in no journal: such a tensor is begun anew, and no other.
        case .merge(let merge): constants.count == TensorConstants(merge).words.count
        }
    }

    /// Whether every shard of that plan is there.
    func isWhole(of plan: MergePlan) -> Bool { finished.count == plan.shards.count && offset == 0 }
}
