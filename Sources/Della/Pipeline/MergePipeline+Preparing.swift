import StreamIO

extension MergePipeline {
    /// Reads what the rows of a tensor's inputs take beside their own bytes: an adapter's matrices, scales, and for a
    /// vocabulary that is filled up to a multiple all its rows, whose mean the last ones are.
    func prepare(_ task: TensorTask) throws(MergeFailure) {
        guard task.merge != nil else { return }
        var prepared: [PreparedInput?] = []
        for input in task.layout.inputs {
            guard let sources = input.rows else {
                prepared.append(nil)
                continue
            }
            let rows = try SourceRows(
                sources, of: task.layout.tensor, files: bufferedInputs, kernels: kernels
            ) { [stop, progress] () throws(MergeFailure) in
                if stop.isRequested { throw MergeFailure.stopped }
                progress.beat()
            }
            prepared.append(PreparedInput(rows: rows, padding: try rows.padding()))
        }
        task.prepared = prepared
    }
}
