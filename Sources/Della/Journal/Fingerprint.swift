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
        print.add(UInt64(numericsRevision))
        print.add(method.name)
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
            print.add(merge.reference != nil)
            for input in merge.allInputs { input.add(to: &print) }
            print.add(UInt64(merge.format.rawValue))
            merge.rule.add(to: &print)
        }
    }
}

extension MergeRule {
    fileprivate func add(to print: inout Fingerprint) {
        switch self {
        case .deltas(let rule):
            print.add("deltas")
            for flag in [rule.electsSigns, rule.rescale, rule.normalize] { print.add(flag) }
            print.add(rule.lambda)
            for term in rule.terms {
                print.add(UInt64(term.ordinal))
                print.add(term.weight)
                print.add(term.lambda)
                term.sparsifier.add(to: &print)
            }
        case .blend(let rule):
            print.add("blend")
            rule.add(to: &print)
        case .nearswap(let t):
            print.add("nearswap")
            print.add(t)
        case .ram(let rule):
            print.add("ram")
            for number in [rule.epsilon, rule.boost?.r ?? .nan, rule.boost?.alpha ?? .nan] {
                print.add(number)
            }
        case .sce(let share):
            print.add("sce")
            print.add(share)
        case .fusion: print.add("fusion")
        }
    }
}

extension Sparsifier {
    fileprivate func add(to print: inout Fingerprint) {
        switch self {
        case .none: print.add("none")
        case .magprune(let density, let epsilon):
            print.add("magprune")
            for number in [density, epsilon] { print.add(number) }
        case .bernoulli(let density):
            print.add("bernoulli")
            print.add(density)
        case .largest(let density):
            print.add("largest")
            print.add(density)
        case .band(let density, let gamma):
            print.add("band")
            for number in [density, gamma] { print.add(number) }
        }
    }
}

extension BlendRule {
    fileprivate func add(to print: inout Fingerprint) {
        switch self {
        case .weighted(let weights, let normalize):
            print.add("weighted")
            for weight in weights { print.add(weight) }
            print.add(normalize)
        case .scaled(let scale):
            print.add("scaled")
            print.add(scale ?? .nan)
        case .slerp(let t):
            print.add("slerp")
            print.add(t)
        case .nuslerp(let t, let grain):
            print.add("nuslerp \(grain)")
            print.add(t)
        case .multislerp(let weights, let normalize, let eps):
            print.add("multislerp")
            for number in weights + [eps] { print.add(number) }
            print.add(normalize)
        case .karcher(let iterations, let tolerance):
            print.add("karcher")
            print.add(UInt64(iterations))
            print.add(tolerance)
        case .stock(let byRow):
            print.add("stock")
            print.add(byRow)
        }
    }
}

extension InputTensor {
    fileprivate func add(to print: inout Fingerprint) {
        print.add(UInt64(file))
        print.add(type.rawValue)
        print.add(offset)
        print.add(byteCount)
        guard let rows else { return }
        for (model, tensor) in rows.tensors.sorted(by: { $0.key < $1.key }) {
            print.add(UInt64(model))
            tensor.add(to: &print)
        }
        for (model, part) in rows.adapters.sorted(by: { $0.key < $1.key }) {
            print.add(UInt64(model))
            part.down.add(to: &print)
            part.up.add(to: &print)
            print.add(UInt64(part.rank))
            print.add(Double(part.scale))
            print.add(part.isTransposed)
            print.add(part.magnitude != nil)
            part.magnitude?.add(to: &print)
        }
        for (model, part) in rows.scales.sorted(by: { $0.key < $1.key }) {
            print.add(UInt64(model))
            part.values.add(to: &print)
            print.add(UInt64(part.blockRows))
            print.add(UInt64(part.blockColumns))
        }
        for run in rows.rows.runs {
            print.add(UInt64(run.count))
            switch run.source {
            case .rows(let model, let first):
                print.add(UInt64(model))
                print.add(UInt64(first))
            case .zero: print.add("zero")
            case .padding: print.add("padding")
            case .mean(let places):
                print.add("mean")
                for place in places {
                    print.add(UInt64(place.model))
                    print.add(UInt64(place.row))
                }
            }
        }
    }
}
