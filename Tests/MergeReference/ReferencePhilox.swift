/// Philox4x32-10, from the paper's description.
enum ReferencePhilox {
    static func block(_ counter: [UInt32], key: [UInt32]) -> [UInt32] {
        var c = counter
        var k = key
        for _ in 0..<10 {
            let (high0, low0) = c[0].multipliedFullWidth(by: 0xD251_1F53)
            let (high1, low1) = c[2].multipliedFullWidth(by: 0xCD9E_8D57)
            c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
            k = [k[0] &+ 0x9E37_79B9, k[1] &+ 0xBB67_AE85]
        }
        return c
    }

    static func words(seed: UInt64, stream: UInt64, block: UInt64) -> [UInt32] {
        let halves = { (x: UInt64) in [UInt32(truncatingIfNeeded: x), UInt32(truncatingIfNeeded: x >> 32)] }
        return self.block(halves(block) + halves(stream), key: halves(seed))
    }

    static func uniforms(seed: UInt64, stream: UInt64, count: Int) -> [Float] {
        var result: [Float] = []
        for block in 0..<UInt64((count + 3) / 4) {
            result += words(seed: seed, stream: stream, block: block).map { Float($0 >> 8) / 16_777_216 }
        }
        return Array(result.prefix(count))
    }

    /// The stream of a tensor's draws for one model: FNV-1a-64 of the output tensor's name, a zero byte, and the
    /// model's position among the models besides the base, in decimal.
    static func stream(tensor: String, ordinal: Int) -> UInt64 {
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in Array(tensor.utf8) + [0] + Array("\(ordinal)".utf8) {
            hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211
        }
        return hash
    }
}
