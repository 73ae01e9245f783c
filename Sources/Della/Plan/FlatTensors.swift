import StreamIO

/// The tensors of an output in flat arrays: 25 bytes each, 15 for each input, their names and dimensions.
struct FlatTensors: Sendable {
    /// How much there is to hold.
    struct Extent: Hashable, Sendable {
        var tensors = 0
        var nameBytes = 0
        var dimensions = 0
        var inputs = 0

        /// In bytes of memory.
        var memory: UInt64 {
            UInt64(25 * tensors + nameBytes + 8 * dimensions + 15 * inputs)
        }
    }

    private var names: [UInt8] = []
    private var nameEnds: [UInt32] = []
    private var types: [ElementType] = []
    private var dimensions: [Int] = []
    private var shapeEnds: [UInt32] = []
    private var offsets: [UInt64] = []
    private var recipeNumbers: [UInt32] = []
    private var inputEnds: [UInt32] = []
    private var inputFiles: [UInt32] = []
    private var inputTypes: [ElementType] = []
    private var inputOffsets: [UInt64] = []
    private var inputModels: [UInt16] = []
    /// Of the few inputs whose rows go by token, by their number.
    private var inputRows: [Int: RowSources] = [:]
    /// How they are made, each way once.
    private(set) var recipes: [TensorRecipe] = []
    private var numbers: [TensorRecipe: UInt32] = [:]
    /// What the recipes take, in bytes; beyond `recipeRoom` what they would take.
    private(set) var recipeMemory: UInt64 = 0
    /// The most bytes that recipes may take. Those beyond are only counted, and the tensors are of no use.
    private let recipeRoom: UInt64
    /// Hashes of recipes that are only counted.
    private var counted: Set<Int> = []

    /// Without tensors.
    init(_ extent: Extent = Extent(), recipeRoom: UInt64 = .max) {
        self.recipeRoom = recipeRoom
        names.reserveCapacity(extent.nameBytes)
        nameEnds.reserveCapacity(extent.tensors)
        types.reserveCapacity(extent.tensors)
        dimensions.reserveCapacity(extent.dimensions)
        shapeEnds.reserveCapacity(extent.tensors)
        offsets.reserveCapacity(extent.tensors)
        recipeNumbers.reserveCapacity(extent.tensors)
        inputEnds.reserveCapacity(extent.tensors)
        inputFiles.reserveCapacity(extent.inputs)
        inputTypes.reserveCapacity(extent.inputs)
        inputOffsets.reserveCapacity(extent.inputs)
        inputModels.reserveCapacity(extent.inputs)
    }

    var count: Int { types.count }

    /// What all of it takes, in bytes.
    var memory: UInt64 {
        Extent(
            tensors: count, nameBytes: names.count, dimensions: dimensions.count, inputs: inputFiles.count
        ).memory + recipeMemory
    }

    subscript(index: Int) -> OutputTensor {
        let shape = Array(dimensions[Self.range(shapeEnds, index)])
        let elements = shape.reduce(1, *)
        func byteCount(_ type: ElementType) -> UInt64 { UInt64(elements * (type.bitWidth / 8)) }
        let inputs = Self.range(inputEnds, index).map { input in
            InputTensor(
                file: Int(inputFiles[input]), type: inputTypes[input], offset: inputOffsets[input],
                byteCount: byteCount(inputTypes[input]), model: Int(inputModels[input]),
                rows: inputRows[input])
        }
        return OutputTensor(
            name: name(index), type: types[index], shape: shape, offset: offsets[index],
            byteCount: byteCount(types[index]), source: recipes[Int(recipeNumbers[index])].source(inputs))
    }

    func name(_ index: Int) -> String { String(decoding: names[Self.range(nameEnds, index)], as: UTF8.self) }

    func type(_ index: Int) -> ElementType { types[index] }

    func shape(_ index: Int) -> ArraySlice<Int> { dimensions[Self.range(shapeEnds, index)] }

    func byteCount(_ index: Int) -> UInt64 {
        UInt64(shape(index).reduce(1, *) * (types[index].bitWidth / 8))
    }

    private static func range(_ ends: [UInt32], _ index: Int) -> Range<Int> {
        (index == 0 ? 0 : Int(ends[index - 1]))..<Int(ends[index])
    }

    // MARK: Filling

    mutating func append(_ tensor: OutputTensor) {
        names.append(contentsOf: tensor.name.utf8)
        nameEnds.append(UInt32(names.count))
        types.append(tensor.type)
        dimensions.append(contentsOf: tensor.shape)
        shapeEnds.append(UInt32(dimensions.count))
        offsets.append(tensor.offset)
        let inputs =
            switch tensor.source {
            case .copy(let input): [input]
            case .merge(let merge): merge.allInputs
            }
        for input in inputs {
            if let rows = input.rows { inputRows[inputFiles.count] = rows }
            inputFiles.append(UInt32(input.file))
            inputTypes.append(input.type)
            inputOffsets.append(input.offset)
            inputModels.append(UInt16(input.model))
        }
        inputEnds.append(UInt32(inputFiles.count))
        recipeNumbers.append(number(of: TensorRecipe(tensor.source), inputs: inputs.count))
    }

    private mutating func number(of recipe: TensorRecipe, inputs: Int) -> UInt32 {
        if let number = numbers[recipe] { return number }
        let number = UInt32(recipes.count)
        let memory = recipe.memory(inputs: inputs)
        guard recipeMemory + memory <= recipeRoom else {
            if counted.insert(recipe.hashValue).inserted { recipeMemory += memory }
            return 0
        }
        recipeMemory += memory
        recipes.append(recipe)
        numbers[recipe] = number
        return number
    }

    /// Gives the input files other numbers: `numbers` by the number of before.
    mutating func renumberFiles(_ numbers: [Int]) {
        for index in inputFiles.indices { inputFiles[index] = UInt32(numbers[Int(inputFiles[index])]) }
        for input in inputRows.keys { inputRows[input]?.renumberFiles(numbers) }
    }

    /// Places a tensor in its file.
    mutating func place(_ index: Int, at offset: UInt64) { offsets[index] = offset }

    /// Forgets what was only needed to fill it.
    mutating func complete() { (numbers, counted) = ([:], []) }
}
