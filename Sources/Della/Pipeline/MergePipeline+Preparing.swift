import StreamIO

extension MergePipeline {
    /// Reads what the rows of a tensor's inputs take beside their own bytes: an adapter's matrices, and for a vocabulary that
    /// is filled up to a multiple all its rows, whose mean the last ones are.
    func prepare(_ task: TensorTask) throws(MergeFailure) {
        guard let merge = task.merge else { return }
        var prepared: [PreparedInput] = []
        for input in task.layout.inputs {
            var own = PreparedInput()
            if let sources = input.rows {
                let rows = try sourceRows(sources, task.layout.tensor)
                own.factors = rows.factors
                own.scales = rows.scales
                if sources.paddingStart != nil {
                    own.padding = encoded(try rows.padding(), as: merge.format)
                }
            }
            prepared.append(own)
        }
        task.prepared = prepared
    }

    private func encoded(_ values: [Float], as format: FloatFormat) -> [UInt8] {
        var row = Array(repeating: UInt8(0), count: values.count * format.byteWidth)
        row.withUnsafeMutableBytes { target in
            values.withUnsafeBufferPointer { values in
                guard let source = values.baseAddress, let target = target.baseAddress else { return }
                kernels.decode(.f32, source, to: format, target, count: values.count)
            }
        }
        return row
    }

    /// The rows of an input, read at once, through the page cache.
    func sourceRows(_ sources: RowSources, _ tensor: OutputTensor) throws(MergeFailure) -> SourceRows {
        try SourceRows(
            sources, of: tensor,
            files: InputFiles(plan.inputs, readable: environment.readable, direct: false), kernels: kernels
        ) { [stop, progress] () throws(MergeFailure) in
            if stop.isRequested { throw MergeFailure(.stopped, "stopped (start it again to go on)") }
            progress.beat()
        }
    }
}
