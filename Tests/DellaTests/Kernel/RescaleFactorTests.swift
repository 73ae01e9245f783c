import Testing

@testable import Della

@Suite struct RescaleFactorTests {
    @Test(arguments: [
        (3.0, 2.0, Float(1.5)), (1, 3, Float(1.0 / 3)), (1e-7, 1e-7, 1), (9.9e-8, 1, 1), (1, 9.9e-8, 1),
        (.infinity, 1, 1), (1, .infinity, 1), (.nan, 1, 1), (1, .nan, 1), (0, 0, 1),
        (1, 1e-7, Float(1 / 1e-7)),
    ])
    func theFactorIsTheQuotientWhereBothSumsAreSound(_ total: Double, _ kept: Double, _ factor: Float) {
        #expect(RescaleFactor.factor(total: total, kept: kept) == factor)
    }

    @Test func probabilitiesRiseFromDensityLessEpsilon() {
        let line = PruneProbabilities(density: 0.45, epsilon: 0.1, rowLength: 5120)
        #expect(line.first == Float(0.45 - 0.1))
        #expect(line.step == Float(2 * 0.1 / 5119))
        let alone = PruneProbabilities(density: 0.45, epsilon: 0.1, rowLength: 1)
        #expect(alone.first == Float(0.45) && alone.step == 0)
    }
}
