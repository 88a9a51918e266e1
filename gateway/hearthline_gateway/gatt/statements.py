"""What a meter says of itself and of the person in a slot: every characteristic that measures nobody."""

from typing import Final, get_args

from hearthline_gateway.gatt.blood_pressure_feature import BloodPressureFeature
from hearthline_gateway.gatt.body_composition import BodyCompositionFeature
from hearthline_gateway.gatt.cgm_control_point import CgmSpecificOpsControlPoint
from hearthline_gateway.gatt.cgm_feature import CgmFeature
from hearthline_gateway.gatt.cgm_session import CgmSessionRunTime, CgmSessionStartTime
from hearthline_gateway.gatt.cgm_status import CgmStatus
from hearthline_gateway.gatt.device_information import (
    FirmwareRevision,
    HardwareRevision,
    ManufacturerName,
    ModelNumber,
    PnpId,
    SerialNumber,
    SoftwareRevision,
    SystemId,
)
from hearthline_gateway.gatt.glucose_measurement import GlucoseFeature
from hearthline_gateway.gatt.heart_rate import BodySensorLocation, HeartRateControlPoint
from hearthline_gateway.gatt.local_time import LocalTimeInformation
from hearthline_gateway.gatt.measurement_interval import MeasurementInterval
from hearthline_gateway.gatt.plx_features import PlxFeatures
from hearthline_gateway.gatt.record_access import RecordAccessControlPoint
from hearthline_gateway.gatt.reference_time import ReferenceTimeInformation
from hearthline_gateway.gatt.regulatory_certification import RegulatoryCertification
from hearthline_gateway.gatt.temperature_type import StaticTemperatureType
from hearthline_gateway.gatt.user_control_point import UserControlPoint
from hearthline_gateway.gatt.user_data import (
    Age,
    DatabaseChangeIncrement,
    DateOfBirth,
    EmailAddress,
    FirstName,
    Gender,
    Height,
    LastName,
    UserIndex,
    Weight,
)
from hearthline_gateway.gatt.user_fitness import (
    AerobicHeartRateLowerLimit,
    AerobicHeartRateUpperLimit,
    AerobicThreshold,
    AnaerobicHeartRateLowerLimit,
    AnaerobicHeartRateUpperLimit,
    AnaerobicThreshold,
    DateOfThresholdAssessment,
    FatBurnHeartRateLowerLimit,
    FatBurnHeartRateUpperLimit,
    FiveZoneHeartRateLimits,
    HeartRateMax,
    HipCircumference,
    Language,
    MaximumRecommendedHeartRate,
    RestingHeartRate,
    SportTypeForThresholds,
    ThreeZoneHeartRateLimits,
    TwoZoneHeartRateLimit,
    Vo2Max,
    WaistCircumference,
)
from hearthline_gateway.gatt.weight_scale_feature import WeightScaleFeature

DeviceStatement = (
    BloodPressureFeature
    | BodyCompositionFeature
    | BodySensorLocation
    | CgmFeature
    | CgmSessionRunTime
    | CgmSessionStartTime
    | CgmSpecificOpsControlPoint
    | CgmStatus
    | FirmwareRevision
    | GlucoseFeature
    | HardwareRevision
    | HeartRateControlPoint
    | LocalTimeInformation
    | ManufacturerName
    | MeasurementInterval
    | ModelNumber
    | PlxFeatures
    | PnpId
    | RecordAccessControlPoint
    | ReferenceTimeInformation
    | RegulatoryCertification
    | SerialNumber
    | SoftwareRevision
    | StaticTemperatureType
    | SystemId
    | UserControlPoint
    | WeightScaleFeature
)
"""What a meter can do, which one it is, what it is asked and what it answers."""

UserStatement = (
    AerobicHeartRateLowerLimit
    | AerobicHeartRateUpperLimit
    | AerobicThreshold
    | Age
    | AnaerobicHeartRateLowerLimit
    | AnaerobicHeartRateUpperLimit
    | AnaerobicThreshold
    | DatabaseChangeIncrement
    | DateOfBirth
    | DateOfThresholdAssessment
    | EmailAddress
    | FatBurnHeartRateLowerLimit
    | FatBurnHeartRateUpperLimit
    | FirstName
    | FiveZoneHeartRateLimits
    | Gender
    | HeartRateMax
    | Height
    | HipCircumference
    | Language
    | LastName
    | MaximumRecommendedHeartRate
    | RestingHeartRate
    | SportTypeForThresholds
    | ThreeZoneHeartRateLimits
    | TwoZoneHeartRateLimit
    | UserIndex
    | Vo2Max
    | WaistCircumference
    | Weight
)
"""What a meter keeps of the person in a slot. Never logged, never sent on."""

Statement = DeviceStatement | UserStatement

STATEMENTS: Final[tuple[type[Statement], ...]] = get_args(Statement)
"""Each of them."""
