import StreamIO
import SystemPackage

/// What is not finite in the part of a tensor that an earlier run has written.
extension MergePipeline {
    /// Bytes looked at at a time, of each of two buffers: whole values of every type.
    private static let recountBytes = 1 << 20

    /// Counts NaN and infinity in the rows of a tensor before those that this run computes, so that what is said of them
    /// is said of the whole tensor.
    ///
    /// Reads these rows of the inputs and of the output once more, which only a merge does that was interrupted within
    /// the tensor.
    func recountWritten(_ task: TensorTask) throws(MergeFailure) {
        let layout = task.layout
        guard let merge = task.merge, layout.rows.lowerBound > 0 else { return }
        let values = layout.rows.lowerBound * layout.tensor.rowLength
        for (index, input) in layout.inputs.enumerated() {
            if let prepared = task.prepared[index] {
                task.add(try count(prepared, of: layout, merge.format), at: index)
                continue
            }
            let count = try count(
                input.type, as: merge.format, of: plan.inputs[input.file].path, at: input.offset, values)
            task.add(count, at: index)
        }
        guard let output = FloatFormat(layout.tensor.type) else { return }
        let path = environment.folder.appending(plan.shards[layout.shard].fileName)
        let count = try count(
            layout.tensor.type, as: output, of: path, at: layout.tensor.offset, values)
        task.add(count, at: layout.inputs.count)
    }

    /// As below, of rows that go by token.
    private func count(
        _ input: PreparedInput, of layout: TensorLayout, _ format: FloatFormat
    ) throws(MergeFailure) -> NonfiniteCount {
        var found = NonfiniteCount()
        var converted: [UInt8] = []
        let units = 0..<layout.rows.lowerBound * layout.tensor.unitsPerRow
        try input.rows.forEach(units, padding: input.padding) { values in
            let count = values.count
            converted.removeAll(keepingCapacity: true)
            converted.append(contentsOf: repeatElement(0, count: count * format.byteWidth))
            converted.withUnsafeMutableBytes { target in
                guard let source = values.baseAddress, let target = target.baseAddress else { return }
                kernels.decode(.f32, source, to: format, target, count: count)
                found += kernels.countNonfinite(format, target, count: count)
            }
        }
        return found
    }

    private func count(
        _ type: ElementType, as format: FloatFormat, of path: FilePath, at offset: UInt64, _ values: Int
    ) throws(MergeFailure) -> NonfiniteCount {
        do {
            let file = try OpenFile.forReading(path, direct: false)
            defer { file.dropCache(from: offset, count: UInt64(values * type.bitWidth / 8)) }
            var found = NonfiniteCount()
            var done = 0
            var converted: [UInt8] = []
            while done < values {
                if stop.isRequested { throw MergeFailure.stopped }
                progress.beat()
                let step = min(values - done, Self.recountBytes / 8)
                let width = type.bitWidth / 8
                let bytes = try file.read(upTo: step * width, at: offset + UInt64(done * width))
                guard bytes.count == step * width else {
                    throw MergeFailure(
                        .inputChanged, "\(path): was cut short (restore it and retry)")
                }
                found += count(bytes, type, as: format, step, &converted)
                done += step
            }
            return found
        } catch {
            throw MergeFailure(error)
        }
    }

    private func count(
        _ bytes: [UInt8], _ type: ElementType, as format: FloatFormat, _ values: Int,
        _ converted: inout [UInt8]
    ) -> NonfiniteCount {
        bytes.withUnsafeBytes { raw in
            guard let source = raw.baseAddress else { return NonfiniteCount() }
            if type == format.elementType { return kernels.countNonfinite(format, source, count: values) }
            if converted.isEmpty { converted = Array(repeating: 0, count: Self.recountBytes) }
            return converted.withUnsafeMutableBytes { target in
                guard let destination = target.baseAddress else { return NonfiniteCount() }
                kernels.decode(type, source, to: format, destination, count: values)
                return kernels.countNonfinite(format, destination, count: values)
            }
        }
    }
}
