/// FNV-1a, 64 bits, over values in a fixed order: tells whether two plans are the same merge.
struct Fingerprint {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ bytes: some Sequence<UInt8>) {
        var count: UInt64 = 0
        for byte in bytes {
            value = (value ^ UInt64(byte)) &* 0x100_0000_01B3
            count += 1
        }
        add(count)
    }

    mutating func add(_ text: String) { add(text.utf8) }

    mutating func add(_ number: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) {
            value = (value ^ (number >> UInt64(shift) & 0xFF)) &* 0x100_0000_01B3
        }
    }

    mutating func add(_ number: Double) { add(number.bitPattern) }

    mutating func add(_ flag: Bool) { add(flag ? 1 : 0 as UInt64) }
}

extension MergePlan {
    /// Tells merges apart whose outputs may differ. Where the inputs lie is not part of it.
    var fingerprint: UInt64 {
        var print = Fingerprint()
        print.add(UInt64(Self.numericsRevision))
        print.add(method.rawValue)
        print.add(seed)
        for shard in shards {
            print.add(shard.fileName)
            print.add(shard.header)
            for tensor in shard.tensors { tensor.add(to: &print) }
        }
        return print.value
    }
}

extension OutputTensor {
    fileprivate func add(to print: inout Fingerprint) {
        switch source {
        case .copy(let input):
            input.add(to: &print)
        case .merge(let merge):
            merge.base.add(to: &print)
            print.add(UInt64(merge.format.rawValue))
            print.add(merge.rescale)
            print.add(merge.normalize)
            print.add(merge.lambda)
            for term in merge.terms {
                term.input.add(to: &print)
                print.add(UInt64(term.ordinal))
                print.add(term.density)
                print.add(term.epsilon)
                print.add(term.weight)
                print.add(term.lambda)
            }
        }
    }
}

extension InputTensor {
    fileprivate func add(to print: inout Fingerprint) {
        print.add(UInt64(file))
        print.add(type.rawValue)
        print.add(offset)
        print.add(byteCount)
    }
}
