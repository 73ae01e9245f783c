import Glibc
import StreamIO
import SystemPackage

/// Fills and writes chunks of one file, with a buffer of its own.
struct ShardWorker: ~Copyable {
    private let work: ShardWork
    private let buffer: UnsafeMutableRawBufferPointer
    /// Values before they are quantised.
    private let drawn: UnsafeMutableBufferPointer<UInt16>
    private static let drawnCount = 1 << 16
    private var source: OpenFile?

    init(_ work: ShardWork) {
        self.work = work
        buffer = .allocate(byteCount: Synthesizer.chunkSize, alignment: OpenFile.directAlignment)
        drawn = .allocate(capacity: Self.drawnCount)
        source = nil
    }

    deinit {
        buffer.deallocate()
        drawn.deallocate()
    }

    /// Writes the file's `chunk`-th piece of `Synthesizer.chunkSize` bytes. Returns its length in bytes.
    mutating func write(chunk: Int) throws(SynthesisFailure) -> UInt64 {
        let start = UInt64(chunk) * UInt64(Synthesizer.chunkSize)
        let end = min(start + UInt64(Synthesizer.chunkSize), work.shard.byteCount)
        copyTexts(from: start, to: end)
        for placement in work.shard.placements
        where placement.offset < end && placement.offset + placement.tensor.byteCount > start {
            try fill(placement, from: start, to: end)
        }
        var length = Int(end - start)
        if work.file.isDirect {
            // The tail is written to the end of its page; the file is cut to its length afterwards.
            let padded =
                (length + OpenFile.directAlignment - 1) / OpenFile.directAlignment * OpenFile.directAlignment
            UnsafeMutableRawBufferPointer(rebasing: buffer[length..<padded]).initializeMemory(
                as: UInt8.self, repeating: 0)
            length = padded
        }
        do {
            _ = try FileDescriptor(rawValue: work.file.descriptor).writeAll(
                toAbsoluteOffset: Int64(start), UnsafeRawBufferPointer(rebasing: buffer[..<length]))
        } catch {
            throw .io(IOError("write", work.path, error as? Errno ?? .ioError))
        }
        if !work.file.isDirect {
            // Only written pages can be dropped.
            fdatasync(work.file.descriptor)
            posix_fadvise(work.file.descriptor, off_t(start), off_t(length), POSIX_FADV_DONTNEED)
        }
        return end - start
    }

    private func copyTexts(from start: UInt64, to end: UInt64) {
        for text in work.shard.texts where text.offset < end && text.offset + UInt64(text.bytes.count) > start
        {
            let first = max(start, text.offset), last = min(end, text.offset + UInt64(text.bytes.count))
            let piece = text.bytes[Int(first - text.offset)..<Int(last - text.offset)]
            UnsafeMutableRawBufferPointer(rebasing: buffer[Int(first - start)...]).copyBytes(from: piece)
        }
    }

    /// Fills the part of a tensor that lies in the file's bytes `start..<end`, which are multiples of its elements.
    private mutating func fill(
        _ placement: SyntheticShard.Placement, from start: UInt64, to end: UInt64
    ) throws(SynthesisFailure) {
        let first = max(start, placement.offset)
        let last = min(end, placement.offset + placement.tensor.byteCount)
        let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[Int(first - start)..<Int(last - start)])
        let width = placement.tensor.type.bitWidth / 8
        let element = (first - placement.offset) / UInt64(width)
        switch (placement.tensor.values, placement.tensor.type) {
        case (.scales(let weight), _):
            let scales = scales(ofWeight: weight)
            for index in 0..<bytes.count / width {
                let scale = scales.scale(Int(element) + index)
                bytes.storeBytes(of: scale.bitPattern.littleEndian, toByteOffset: 4 * index, as: UInt32.self)
            }
        case (.normal, .f8E4M3):
            try quantise(placement, from: element, into: bytes)
        case (.normal, _):
            try draw(placement, from: element, into: bytes.bindMemory(to: UInt16.self))
        }
    }

    private func stream(_ ordinal: Int) -> UInt64 { NormalSource.draw(work.options.seed, UInt64(ordinal)) }

    /// The scales of the linear weight at that position among the tensors.
    private func scales(ofWeight ordinal: Int) -> BlockScales {
        let tensor = work.weights[ordinal]
        guard case .normal(_, let deviation) = tensor.values else {
            preconditionFailure("weights are drawn")
        }
        return BlockScales(
            columns: tensor.shape[1], deviation: work.options.deviation(deviation), stream: stream(ordinal))
    }

    /// Fills a weight's elements from `element` on: bfloat16.
    private mutating func draw(
        _ placement: SyntheticShard.Placement, from element: UInt64,
        into values: UnsafeMutableBufferPointer<UInt16>
    ) throws(SynthesisFailure) {
        guard case .normal(let center, let deviation) = placement.tensor.values else {
            preconditionFailure("scales are not drawn")
        }
        let stream = stream(placement.ordinal)
        guard let base = work.base else {
            work.normal.fill(values, stream: stream, first: element, center: center, deviation: deviation)
            return
        }
        try read(
            base.sources[placement.ordinal], at: 2 * element, into: UnsafeMutableRawBufferPointer(values))
        // Another stream than the base's of the same seed, or the delta would be a multiple of the weight.
        work.normal.perturb(values, stream: ~stream, first: element, deviation: work.options.scale)
    }

    /// Fills a weight's elements from `element` on: what they would be in bfloat16, in 8 bits by its scales.
    private mutating func quantise(
        _ placement: SyntheticShard.Placement, from element: UInt64, into bytes: UnsafeMutableRawBufferPointer
    ) throws(SynthesisFailure) {
        let scales = scales(ofWeight: placement.ordinal)
        for start in stride(from: 0, to: bytes.count, by: Self.drawnCount) {
            let count = min(Self.drawnCount, bytes.count - start)
            let values = UnsafeMutableBufferPointer(rebasing: drawn[..<count])
            try draw(placement, from: element + UInt64(start), into: values)
            scales.quantise(
                UnsafeBufferPointer(values), from: Int(element) + start,
                into: UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + count]))
        }
    }

    private mutating func read(
        _ tensor: SynthesisBase.Source, at position: UInt64, into bytes: UnsafeMutableRawBufferPointer
    ) throws(SynthesisFailure) {
        let offset = tensor.offset + position
        do throws(IOError) {
            if source?.path != tensor.file { source = try OpenFile.forReading(tensor.file, direct: false) }
            guard let count = try source?.read(into: bytes, at: offset), count == bytes.count else {
                throw IOError("read (the file is shorter than its header says)", tensor.file, .ioError)
            }
            if let descriptor = source?.reference.descriptor {
                posix_fadvise(descriptor, off_t(offset), off_t(bytes.count), POSIX_FADV_DONTNEED)
            }
        } catch {
            throw .io(error)
        }
    }
}
