import StreamIO

/// Tensors of one output file, in the order of their data. Each is made when it is asked for.
public struct OutputTensorList: RandomAccessCollection, Hashable, Sendable {
    /// All tensors of an output, shared by the lists of its files.
    final class Storage: Sendable {
        let tensors: FlatTensors

        init(_ tensors: FlatTensors) {
            self.tensors = tensors
        }
    }

    let storage: Storage
    /// Among those of the output.
    let range: Range<Int>

    init(_ storage: Storage, _ range: Range<Int>) {
        self.storage = storage
        self.range = range
    }

    /// A list of these alone.
    init(_ tensors: [OutputTensor]) {
        var flat = FlatTensors()
        for tensor in tensors { flat.append(tensor) }
        flat.complete()
        self.init(Storage(flat), 0..<tensors.count)
    }

    /// 0.
    public var startIndex: Int { 0 }
    /// The number of tensors.
    public var endIndex: Int { range.count }

    /// The tensor at a place.
    public subscript(place: Int) -> OutputTensor {
        precondition(place >= 0 && place < range.count, "no tensor is there")
        return storage.tensors[range.lowerBound + place]
    }

    /// The name alone.
    func name(at place: Int) -> String { storage.tensors.name(range.lowerBound + place) }

    /// The type alone.
    func type(at place: Int) -> ElementType { storage.tensors.type(range.lowerBound + place) }

    /// The length alone, in bytes.
    func byteCount(at place: Int) -> UInt64 { storage.tensors.byteCount(range.lowerBound + place) }

    /// Whether the tensors are equal, one by one.
    public static func == (left: Self, right: Self) -> Bool {
        left.storage === right.storage && left.range == right.range || left.elementsEqual(right)
    }

    /// Of the tensors, in order.
    public func hash(into hasher: inout Hasher) {
        for tensor in self { hasher.combine(tensor) }
    }
}

extension MergePlan {
    /// The tensors of the output, in order, each made when it is asked for.
    public var tensors: some Sequence<OutputTensor> { shards.lazy.flatMap { $0.tensors.lazy } }

    /// How the tensors are made: once, or more often, what several share.
    var recipes: [TensorRecipe] {
        var recipes: [TensorRecipe] = []
        var last: OutputTensorList.Storage?
        for list in shards.lazy.map(\.tensors) where list.storage !== last {
            recipes += list.storage.tensors.recipes
            last = list.storage
        }
        return recipes
    }
}
